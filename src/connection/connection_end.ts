/**
 * How a connection ends, whoever ends it: once, well or by a reset, in time or because its
 * time is over; and whoever wants to know of it.
 * @module
 */
import { loopTurn } from "./delay.ts";
import { errorCode, refusal, SystemError } from "./errors.ts";
import { IdleTimer } from "./loop_idle_timer.ts";
import { LoopPeerWatch, type PeerLook } from "./loop_peer_watch.ts";
import { type PeerLimits, SlowPeer } from "./slow_peer.ts";
import type { Socket } from "./socket.ts";

/** The end of one connection. */
export class ConnectionEnd {
  /** The code that calls reject with, once it is closed: the reason. */
  by: string | null = null;
  /** Milliseconds that what was written has to come to the peer, where this end breaks off. */
  linger = 0;
  /** Where it breaks off: resolves when it has. */
  closing: Promise<void> | null = null;
  /** Told when a byte has moved. */
  idleTimer: IdleTimer | null = null;
  /** Told why, when it ends without both ends having said so: of a peer's reset at once if `gone` was asked for. */
  onBroken: ((why: Error) => void) | null = null;
  /** Looks at what the peer does, until it is stopped. */
  peerWatch: { stop(): void } | null = null;
  /** What the peer did not do, if that is why it was ended. */
  slow: SlowPeer | null = null;
  /** What it is of, which a layer replaces. */
  socket: Socket;
  #lifeTimer: ReturnType<typeof setTimeout> | null = null;
  #gone: AbortController | null = null;
  #readsInVain = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /**
   * Ends the connection with `ETIMEDOUT` when no byte moves for so many
   * milliseconds, and then calls `onIdle`; a blocking socket rejects the call
   * that waits instead. 0: never.
   */
  setIdleTimeout(milliseconds: number, onIdle: () => void): void {
    if (this.socket.setTimeout) return this.socket.setTimeout(milliseconds);
    this.idleTimer?.stop();
    this.idleTimer = milliseconds === 0 ? null : new IdleTimer(milliseconds, () => {
      this.timeOut();
      onIdle();
    });
  }

  /**
   * Ends the connection with `ETIMEDOUT` after so many milliseconds, and then
   * calls `onEnd`, also if it is closed already: its handler may go on. A blocking
   * socket rejects the call that waits then, or the next one. 0: never.
   */
  setLifeTimeout(milliseconds: number, onEnd: () => void): void {
    if (this.socket.setDeadline) return this.socket.setDeadline(milliseconds);
    this.stopLifeTimer();
    this.#lifeTimer = milliseconds === 0 ? null : setTimeout(() => {
      this.timeOut();
      onEnd();
    }, milliseconds);
  }

  /**
   * Ends the connection with `ETIMEDOUT` when its peer does too little, and then calls
   * `onSlow`; a blocking socket rejects the call that waits instead.
   */
  setPeerLimits(
    limits: PeerLimits,
    look: (asks?: boolean) => PeerLook,
    onSlow: () => void,
  ): void {
    const socket = this.socket;
    if (socket.setPeerLimits) {
      socket.setPeerLimits(limits);
      this.peerWatch = { stop: () => socket.setPeerLimits!(null) };
      return;
    }
    this.peerWatch = new LoopPeerWatch(limits, look, (why) => {
      this.slow = why;
      this.timeOut();
      onSlow();
    });
  }

  /** Its time is not measured any more. */
  stopLifeTimer(): void {
    if (this.#lifeTimer !== null) clearTimeout(this.#lifeTimer);
  }

  /** Its time is over. */
  timeOut(): void {
    void this.breakOff(this.linger, "ETIMEDOUT");
  }

  /** See `Connection.close`. */
  close(): void {
    if (this.#begin("EBADF")) this.socket.close();
  }

  /** See `Connection.reset`. */
  reset(): void {
    if (this.#begin("EBADF")) void this.socket.reset(0);
  }

  /**
   * Pending and later calls reject with `code`, what the kernel has taken goes out, for
   * `linger` milliseconds at most, then RST. Idempotent; never rejects.
   */
  breakOff(linger: number, code: string): Promise<void> {
    if (this.#begin(code)) this.closing = this.#reset(linger);
    return this.closing ?? Promise.resolve();
  }

  /** A call has failed. */
  failed(error: Error): void {
    if (error instanceof SlowPeer) this.slow = error;
    if (errorCode(error) === "ETIMEDOUT" && this.socket.setTimeout) this.timeOut();
    else this.tellGone(error);
  }

  /**
   * Ends this connection. It throws, and does not reject: a loop in which an `await` is
   * missing would see no rejection, and give the thread to nobody.
   */
  misused(code: string): never {
    void this.breakOff(0, code);
    throw refusal(code);
  }

  /**
   * Told of each read that gives nothing and waits for nothing. So many are a loop in which
   * an `await`, or a look at what was read, is missing: it ends the connection, see `misused`.
   * @returns null; for a loop that goes on even then, when the event loop has had its turn
   */
  readInVain(): Promise<void> | null {
    if (++this.#readsInVain < MOST_READS_IN_VAIN) return null;
    if (this.#readsInVain === MOST_READS_IN_VAIN) this.misused("EBUSY");
    return loopTurn();
  }

  async #reset(linger: number): Promise<void> {
    try {
      await this.socket.reset(linger);
    } catch {
      // It could only be closed.
    }
  }

  /** Whether it ends now, and not before. */
  #begin(code: string): boolean {
    if (this.by !== null) return false;
    this.by = code;
    this.idleTimer?.stop();
    this.peerWatch?.stop();
    // An error has a stack, which takes a twentieth of a short connection's time (Deno 2.9.6).
    if (this.#gone || this.onBroken) this.tellGone(refusal(code));
    return true;
  }

  /**
   * Aborted when the peer has reset, or both directions have ended.
   * @param error with which a call has failed already
   */
  gone(error: Error | null): AbortSignal {
    if (this.#gone) return this.#gone.signal;
    if (this.socket.setTimeout) {
      const message = "A blocking handler has no `gone`: its read or write rejects";
      throw new SystemError("ENOTSUP", message);
    }
    this.#gone = new AbortController();
    if (this.by !== null || error) this.tellGone(error ?? refusal(this.by!));
    else this.socket.onGone?.((isReset) => this.tellGone(refusal("ECONNRESET"), isReset));
    return this.#gone.signal;
  }

  /** Tells whoever has asked for it. */
  tellGone(why: Error, isBroken = true): void {
    this.#gone?.abort(why);
    if (isBroken) this.onBroken?.(why);
  }
}

/** Reads that give nothing. */
const MOST_READS_IN_VAIN = 10_000;
