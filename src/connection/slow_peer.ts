/**
 * What a peer must do in time, beside moving any byte at all, and why it is ended if it
 * does not.
 * @module
 */
import { SystemError } from "./errors.ts";

/** What is asked of a peer; 0: nothing. */
export interface PeerLimits {
  /** Milliseconds until its first byte. */
  readonly firstByte: number;
  /** Bytes a second, see {@linkcode RateWatch}. */
  readonly minRate: number;
  /** Milliseconds over which they are counted. */
  readonly grace: number;
}

/** A peer did too little; the message is told with its connection's end. */
export class SlowPeer extends SystemError {
  /** `message` says what it did not do. */
  constructor(message: string) {
    super("ETIMEDOUT", message);
  }
}

/** It has sent nothing. */
export function noFirstByte({ firstByte }: PeerLimits): SlowPeer {
  return new SlowPeer(`no first byte within ${firstByte / 1000} s`);
}

/** It reads or sends too slowly. */
export function belowRate({ minRate, grace }: PeerLimits): SlowPeer {
  return new SlowPeer(`fewer than ${minRate} bytes a second over ${grace / 1000} s`);
}

/**
 * Whether a peer moves enough bytes, while somebody waits for it.
 *
 * Of what it reads, the time counts in which a write waits. Of what it sends, the time in
 * which a read waits, from the first byte that comes after an answer (or at the start) to the
 * next answer; it is judged when further bytes have come, and the handler reads again instead
 * of answering. So nothing is said of a peer between two messages, of a handler that
 * computes, nor of silence.
 */
export class RateWatch {
  readonly #limits: Pick<PeerLimits, "minRate" | "grace">;
  readonly #sent = new Window();
  readonly #got = new Window();
  /** Whether it has sent something that is not answered, and whether it has since sent more. */
  #hasBegun = false;
  #hasMore = false;

  constructor(limits: Pick<PeerLimits, "minRate" | "grace">) {
    this.#limits = limits;
  }

  /** A read has waited, and so many bytes came. */
  read(milliseconds: number, bytes: number): void {
    if (this.#hasBegun) {
      this.#sent.add(milliseconds, bytes);
      this.#hasMore ||= bytes > 0;
    } else if (bytes > 0) {
      this.#hasBegun = true;
      this.#sent.begin(bytes);
    }
  }

  /** Something was written. */
  answered(): void {
    this.#hasBegun = this.#hasMore = false;
  }

  /** The handler reads: whether what came before was too slow. */
  sendsTooSlowly(): boolean {
    if (!this.#hasMore) return false;
    this.#hasMore = false;
    return this.#sent.isTooSlow(this.#limits);
  }

  /** A write has waited, and so many bytes came to the peer; returns whether it was too slow. */
  write(milliseconds: number, bytes: number): boolean {
    this.#got.add(milliseconds, bytes);
    return this.#got.isTooSlow(this.#limits);
  }
}

/** Bytes, and for how long they were waited for. */
class Window {
  #milliseconds = 0;
  #bytes = 0;

  begin(bytes: number): void {
    this.#milliseconds = 0;
    this.#bytes = bytes;
  }

  add(milliseconds: number, bytes: number): void {
    this.#milliseconds += milliseconds;
    this.#bytes += bytes;
  }

  /** Asked when the time may be over; then the next window begins. */
  isTooSlow({ minRate, grace }: Pick<PeerLimits, "minRate" | "grace">): boolean {
    if (this.#milliseconds < grace) return false;
    const isTooSlow = this.#bytes * 1000 < minRate * this.#milliseconds;
    this.begin(0);
    return isTooSlow;
  }
}
