/**
 * Sockets whose calls block the thread: two system calls and no event loop for
 * each message.
 * @module
 */
import { looks } from "../connection/acknowledged.ts";
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { PeerLimits } from "../connection/slow_peer.ts";
import type { Socket } from "../connection/socket.ts";
import { BlockingPeer } from "./blocking_peer.ts";
import type { Libc } from "./libc.ts";

/** A connected socket that blocks its thread. */
export class BlockingSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #release: () => void;
  /** Milliseconds that a call may take. */
  #timeout = Infinity;
  /** Milliseconds that somebody has waited for bytes, and none has moved. */
  #waited = 0;
  /** On the clock of `performance.now()`. */
  #deadline = Infinity;
  /** Milliseconds after which the kernel ends a call; Infinity: never, NaN: nobody knows. */
  readonly #told: { receive: number; send: number };
  /** Where something is asked of the peer. */
  #peer: BlockingPeer | null = null;
  /** Whether its end is a FIN already. */
  #endsWell = false;

  /**
   * @param told milliseconds after which a call comes back empty; Infinity: never, NaN: nobody knows
   * @param release closes the descriptor, if it is still this thread's
   */
  constructor(
    libc: Libc,
    descriptor: number,
    localAddr: Address,
    remoteAddr: Address,
    told: { receive: number; send: number },
    release: () => void,
  ) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#told = told;
    this.#release = release;
  }

  read(buffer: Uint8Array): number | null {
    const most = this.#begin("receive");
    return (this.#receive(buffer, most) ?? this.#goOn("receive", most, buffer)) || null;
  }

  #receive(buffer: Uint8Array, longest: number): number | null {
    if (this.#peer) return this.#peer.receive(buffer, longest);
    return this.#libc.receive(this.#descriptor, buffer, 0, true);
  }

  write(bytes: Uint8Array): number {
    const most = this.#begin("send");
    return this.#send(bytes, most) ?? this.#goOn("send", most, bytes);
  }

  writePieces(pieces: readonly Uint8Array[]): number {
    const most = this.#begin("send");
    return this.#send(pieces, most) ?? this.#goOn("send", most, pieces);
  }

  #send(bytes: Uint8Array | readonly Uint8Array[], longest: number): number | null {
    if (this.#peer) return this.#peer.send(bytes, longest);
    return bytes instanceof Uint8Array
      ? this.#libc.send(this.#descriptor, bytes, 0, true)
      : this.#libc.sendPieces(this.#descriptor, bytes, true);
  }

  closeWrite(): void {
    this.#endWell();
    this.#libc.shutdown(this.#descriptor, "write");
  }

  close(): void {
    this.#endWell();
    this.#release();
  }

  #endWell(): void {
    if (!this.#endsWell) this.#libc.endBy(this.#descriptor, "FIN");
    this.#endsWell = true;
  }

  reset(linger: number): void {
    for (const wait of looks(linger)) {
      if (this.#libc.unacknowledged(this.#descriptor) === 0) break;
      this.#libc.sleep(wait);
    }
    this.#libc.endBy(this.#descriptor, "reset");
    this.#release();
  }

  setTimeout(milliseconds: number): void {
    this.#timeout = milliseconds || Infinity;
  }

  setDeadline(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? Infinity : performance.now() + milliseconds;
  }

  setPeerLimits(limits: PeerLimits | null): void {
    this.#peer = limits && new BlockingPeer(this.#libc, this.#descriptor, limits);
    this.#told.receive = this.#told.send = NaN; // it tells the kernel itself
  }

  waitReadable(milliseconds: number): boolean {
    const start = performance.now();
    const untilDeadline = this.#deadline - start;
    // The read that follows ends in time by itself, and says why.
    if (Math.min(untilDeadline, this.#peer?.firstByte ?? Infinity) <= milliseconds) return true;
    const left = Math.max(0, this.#timeout - this.#waited);
    const wait = Math.ceil(Math.min(milliseconds, left));
    const isReadable = this.#peer
      ? this.#peer.waitReadable(wait)
      : this.#libc.waitReadable([this.#descriptor], wait);
    if (isReadable) return true;
    this.#waited += performance.now() - start;
    if (this.#waited >= this.#timeout) throw timedOut();
    return false;
  }

  /** How many milliseconds a call may take that begins now, which the kernel is told. */
  #begin(call: "receive" | "send"): number {
    this.#waited = 0;
    let most = this.#timeout;
    let slack = 0;
    if (this.#deadline < Infinity) {
      const left = Math.ceil(this.#deadline - performance.now());
      if (left <= 0) throw new SystemError("ETIMEDOUT", "The connection was open for too long");
      if (left < most) [most, slack] = [left, DEADLINE_SLACK];
    }
    // Less is enough: after it there is more, and most calls do not take as long.
    if (this.#peer === null && !(this.#told[call] <= most + slack)) this.#tell(call, most);
    return most;
  }

  /**
   * A call came back empty, after what the kernel was told or because of a signal: it is made
   * again for what is left of its time.
   */
  #goOn(
    call: "receive" | "send",
    most: number,
    bytes: Uint8Array | readonly Uint8Array[],
  ): number {
    if (this.#peer !== null) throw timedOut(); // who goes on itself
    // How long a call took that a signal has ended, nobody knows.
    const spent = this.#libc.wasInterrupted() ? 0 : this.#told[call];
    if (spent >= most) throw timedOut();
    const end = Math.min(performance.now() + most - spent, this.#deadline);
    do {
      const left = Math.ceil(end - performance.now());
      if (left <= 0) break;
      if (left !== this.#told[call]) this.#tell(call, left);
      const length = call === "receive"
        ? this.#receive(bytes as Uint8Array, most)
        : this.#send(bytes, most);
      if (length !== null) return length;
    } while (this.#libc.wasInterrupted());
    throw timedOut();
  }

  #tell(call: "receive" | "send", milliseconds: number): void {
    this.#told[call] = milliseconds;
    this.#libc.setTimeout(this.#descriptor, call, milliseconds === Infinity ? 0 : milliseconds);
  }
}

/** Milliseconds that a deadline may be overrun, so that the kernel is not told before each call. */
const DEADLINE_SLACK = 50;

/** A blocking call that comes back empty has waited for the socket's timeout, see socket(7). */
function timedOut(): SystemError {
  return new SystemError("ETIMEDOUT", "No byte moved in time");
}
