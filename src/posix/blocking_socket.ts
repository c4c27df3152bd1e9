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
  /** Milliseconds that a call may take; 0: any time. */
  #timeout = 0;
  /** Milliseconds that somebody has waited for bytes, and none has moved. */
  #waited = 0;
  /** On the clock of `performance.now()`. */
  #deadline = Infinity;
  /** What the kernel has been told. */
  #told = 0;
  /** Where something is asked of the peer. */
  #peer: BlockingPeer | null = null;
  /** Whether its end is a FIN already. */
  #endsWell = false;
  /** Whether there is more to do for a call than the call. */
  #isTimed = false;

  /** @param release closes the descriptor, if it is still this thread's */
  constructor(
    libc: Libc,
    descriptor: number,
    localAddr: Address,
    remoteAddr: Address,
    release: () => void,
  ) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#release = release;
  }

  read(buffer: Uint8Array): number | null {
    this.#waited = 0;
    const length = this.#isTimed
      ? this.#receiveInTime(buffer)
      : this.#libc.receive(this.#descriptor, buffer);
    if (length === null) throw timedOut();
    return length || null;
  }

  write(bytes: Uint8Array): number {
    this.#waited = 0;
    const length = this.#isTimed
      ? this.#sendInTime(bytes)
      : this.#libc.send(this.#descriptor, bytes);
    if (length === null) throw timedOut();
    return length;
  }

  writePieces(pieces: readonly Uint8Array[]): number {
    this.#waited = 0;
    const length = this.#isTimed
      ? this.#sendInTime(pieces)
      : this.#libc.sendPieces(this.#descriptor, pieces);
    if (length === null) throw timedOut();
    return length;
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
    this.#timeout = milliseconds;
    this.#tell(milliseconds);
  }

  setDeadline(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? Infinity : performance.now() + milliseconds;
    if (milliseconds === 0) this.#tell(this.#timeout);
    this.#isTimed = this.#deadline < Infinity || this.#peer !== null;
  }

  setPeerLimits(limits: PeerLimits | null): void {
    this.#peer = limits && new BlockingPeer(this.#libc, this.#descriptor, limits);
    this.#isTimed = this.#deadline < Infinity || this.#peer !== null;
  }

  #receiveInTime(buffer: Uint8Array): number | null {
    if (this.#deadline < Infinity) this.#keepDeadline();
    return this.#peer
      ? this.#peer.receive(buffer, this.#longest())
      : this.#libc.receive(this.#descriptor, buffer);
  }

  #sendInTime(bytes: Uint8Array | readonly Uint8Array[]): number | null {
    if (this.#deadline < Infinity) this.#keepDeadline();
    if (this.#peer) return this.#peer.send(bytes, this.#longest());
    return bytes instanceof Uint8Array
      ? this.#libc.send(this.#descriptor, bytes)
      : this.#libc.sendPieces(this.#descriptor, bytes);
  }

  /** Milliseconds that a call may take. */
  #longest(): number {
    return Math.min(this.#timeout || Infinity, this.#deadline - performance.now());
  }

  waitReadable(milliseconds: number): boolean {
    const start = performance.now();
    const untilDeadline = this.#deadline - start;
    // The read that follows ends in time by itself, and says why.
    if (Math.min(untilDeadline, this.#peer?.firstByte ?? Infinity) <= milliseconds) return true;
    const left = this.#timeout === 0 ? Infinity : Math.max(0, this.#timeout - this.#waited);
    const wait = Math.ceil(Math.min(milliseconds, left));
    const isReadable = this.#peer
      ? this.#peer.waitReadable(wait)
      : this.#libc.waitReadable([this.#descriptor], wait);
    if (isReadable) return true;
    this.#waited += performance.now() - start;
    if (this.#timeout > 0 && this.#waited >= this.#timeout) throw timedOut();
    return false;
  }

  /** Not once for each call: the kernel's timeout may be a little too long. */
  #keepDeadline(): void {
    const left = Math.ceil(this.#deadline - performance.now());
    if (left <= 0) throw new SystemError("ETIMEDOUT", "The connection was open for too long");
    if (this.#peer) return; // who tells the kernel itself
    const wanted = this.#timeout > 0 ? Math.min(this.#timeout, left) : left;
    if (this.#told === 0 || this.#told - wanted > DEADLINE_SLACK) this.#tell(wanted);
  }

  #tell(milliseconds: number): void {
    this.#told = milliseconds;
    this.#libc.setTimeout(this.#descriptor, "receive", milliseconds);
    this.#libc.setTimeout(this.#descriptor, "send", milliseconds);
  }
}

/** Milliseconds that a deadline may be overrun. */
const DEADLINE_SLACK = 50;

/** A blocking call that comes back empty has waited for the socket's timeout, see socket(7). */
function timedOut(): SystemError {
  return new SystemError("ETIMEDOUT", "No byte moved in time");
}
