/**
 * What is asked of the peer of a blocking socket: its calls are measured, and the kernel
 * ends them in time.
 * @module
 */
import { belowRate, noFirstByte, type PeerLimits, RateWatch } from "../connection/slow_peer.ts";
import type { Libc } from "./libc.ts";
import { delivered } from "./tcp_options.ts";

/** Milliseconds by which a call may take longer, so that the kernel is not told before each. */
const SLACK = 50;

/** The calls on such a socket. Times are milliseconds, Infinity for any. */
export class BlockingPeer {
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #limits: PeerLimits;
  readonly #rate: RateWatch | null;
  /** By when the first byte must come, on the clock of `performance.now()`. */
  #firstBy: number;
  #delivered = 0;
  /** What the kernel has been told; NaN: not by this. */
  readonly #told = { receive: NaN, send: NaN };

  constructor(libc: Libc, descriptor: number, limits: PeerLimits) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.#limits = limits;
    this.#rate = limits.minRate > 0 ? new RateWatch(limits) : null;
    this.#firstBy = limits.firstByte > 0 ? performance.now() + limits.firstByte : Infinity;
  }

  /** How long the first byte may still take; a moment if it is late: it may be there. */
  get firstByte(): number {
    return Math.max(1, this.#firstBy - performance.now());
  }

  /**
   * As `Libc.receive`; null if nothing came within `longest`.
   * @throws {SlowPeer}
   */
  receive(buffer: Uint8Array, longest: number): number | null {
    if (this.#rate?.sendsTooSlowly()) throw belowRate(this.#limits);
    const start = performance.now();
    const first = this.firstByte;
    const end = start + Math.max(1, Math.min(longest, first));
    let length: number | null;
    let left = end - start;
    do {
      this.#tell("receive", left);
      length = this.#libc.receive(this.#descriptor, buffer, 0, true);
    } while (
      length === null && this.#libc.wasInterrupted() && (left = end - performance.now()) > 0
    );
    if (length === null) {
      if (first <= longest) throw noFirstByte(this.#limits);
      return null;
    }
    this.#firstBy = Infinity;
    this.#rate?.read(performance.now() - start, length);
    return length;
  }

  /** As `Libc.waitReadable`. */
  waitReadable(milliseconds: number): boolean {
    const start = performance.now();
    const isReadable = this.#libc.waitReadable([this.#descriptor], milliseconds);
    this.#rate?.read(performance.now() - start, 0);
    return isReadable;
  }

  /**
   * As `Libc.send` and `Libc.sendPieces`; null if nothing was taken within `longest`.
   * @throws {SlowPeer}
   */
  send(bytes: Uint8Array | readonly Uint8Array[], longest: number): number | null {
    const rate = this.#rate;
    const end = performance.now() + longest;
    for (;;) {
      const start = performance.now();
      const left = Math.max(1, end - start);
      this.#tell("send", rate ? Math.min(left, this.#limits.grace) : left);
      const length = bytes instanceof Uint8Array
        ? this.#libc.send(this.#descriptor, bytes, 0, true)
        : this.#libc.sendPieces(this.#descriptor, bytes, true);
      if (rate === null && (length !== null || !this.#libc.wasInterrupted())) return length;
      rate?.answered();
      const now = performance.now();
      if (rate?.write(now - start, this.#moved(length ?? 0))) throw belowRate(this.#limits);
      if (length !== null || now >= end) return length;
    }
  }

  /**
   * Bytes that came to the peer since it was asked last.
   * @param taken how many the kernel took, which stands for them where that is not told
   */
  #moved(taken: number): number {
    const now = delivered(this.#libc, this.#descriptor);
    if (now === null) return taken;
    const before = this.#delivered;
    this.#delivered = now;
    return now - before;
  }

  #tell(option: "receive" | "send", milliseconds: number): void {
    const told = this.#told[option];
    if (told === milliseconds || told > milliseconds && told - milliseconds <= SLACK) return;
    this.#told[option] = milliseconds;
    const none = milliseconds === Infinity;
    this.#libc.setTimeout(this.#descriptor, option, none ? 0 : Math.ceil(milliseconds));
  }
}
