/**
 * Sockets whose calls block the thread: two system calls and no event loop for
 * each message.
 * @module
 */
import { looks } from "../connection/acknowledged.ts";
import { Activity, HANDLER, LINGERS, READS, WRITES } from "../connection/activity.ts";
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
  readonly #activity: Activity;
  /** Whether its end is a FIN already. */
  #endsWell = false;
  #closed = false;
  /** Whether what comes is discarded. */
  #lingers = false;

  /**
   * @param told milliseconds after which a call comes back empty; Infinity: never, NaN: nobody knows
   * @param release closes the descriptor, if it is still this thread's
   * @param activity where it tells what it does, if anybody looks
   */
  constructor(
    libc: Libc,
    descriptor: number,
    localAddr: Address,
    remoteAddr: Address,
    told: { receive: number; send: number },
    release: () => void,
    activity: Activity = UNSEEN,
  ) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#told = told;
    this.#release = release;
    this.#activity = activity;
  }

  read(buffer: Uint8Array): number | null {
    this.#activity.doing = this.#lingers ? LINGERS : READS;
    const most = this.#begin("receive");
    const length = this.#receive(buffer, most) ?? this.#goOn("receive", most, buffer);
    if (!this.#lingers) {
      this.#activity.doing = HANDLER;
      this.#activity.read(length);
    }
    return length || null;
  }

  #receive(buffer: Uint8Array, longest: number): number | null {
    if (this.#peer) return this.#peer.receive(buffer, longest);
    return this.#libc.receive(this.#descriptor, buffer, 0, true);
  }

  write(bytes: Uint8Array): number {
    return this.#write(bytes);
  }

  writePieces(pieces: readonly Uint8Array[]): number {
    return this.#write(pieces);
  }

  #write(bytes: Uint8Array | readonly Uint8Array[]): number {
    this.#activity.doing = WRITES;
    const most = this.#begin("send");
    const length = this.#send(bytes, most) ?? this.#goOn("send", most, bytes);
    this.#activity.doing = HANDLER;
    this.#activity.wrote(length);
    return length;
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
    this.#closed = true;
    this.#activity.doing = 0;
    this.#endWell();
    this.#release();
  }

  #endWell(): void {
    if (!this.#endsWell) this.#libc.endBy(this.#descriptor, "FIN");
    this.#endsWell = true;
  }

  reset(linger: number): void {
    this.#closed = true;
    this.#activity.doing = LINGERS;
    for (const wait of looks(linger)) {
      if (this.#libc.unacknowledged(this.#descriptor) === 0) break;
      this.#libc.sleep(wait);
    }
    this.#libc.endBy(this.#descriptor, "reset");
    this.#release();
    this.#activity.doing = 0;
  }

  setTimeout(milliseconds: number): void {
    this.#timeout = milliseconds || Infinity;
    // Only `SocketConnection.finish` sets one after FIN, and what comes then it discards.
    if (this.#endsWell && !this.#closed) {
      this.#lingers = true;
      this.#activity.doing = LINGERS;
    }
  }

  setDeadline(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? Infinity : performance.now() + milliseconds;
  }

  setPeerLimits(limits: PeerLimits | null): void {
    this.#peer = limits && new BlockingPeer(this.#libc, this.#descriptor, limits);
    this.#told.receive = this.#told.send = NaN; // it tells the kernel itself
  }

  uncount(): void {
    this.#activity.uncount();
  }

  waitReadable(milliseconds: number): boolean {
    this.#activity.doing = READS;
    const isReadable = this.#waitReadable(milliseconds);
    this.#activity.doing = HANDLER;
    return isReadable;
  }

  #waitReadable(milliseconds: number): boolean {
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

/** Where nobody looks: that costs less than to ask each time whether somebody does. */
const UNSEEN = new Activity();

/** Milliseconds that a deadline may be overrun, so that the kernel is not told before each call. */
const DEADLINE_SLACK = 50;

/** A blocking call that comes back empty has waited for the socket's timeout, see socket(7). */
function timedOut(): SystemError {
  return new SystemError("ETIMEDOUT", "No byte moved in time");
}
