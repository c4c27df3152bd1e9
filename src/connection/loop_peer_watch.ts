/**
 * Looks now and then whether the peer of a connection on an event loop does what is asked
 * of it, so that no call on the connection has to. A blocking socket does it itself.
 * @module
 */
import { belowRate, noFirstByte, type PeerLimits, RateWatch, type SlowPeer } from "./slow_peer.ts";

/** A connection as it is now. */
export interface PeerLook {
  /** Bytes that came. */
  readonly read: number;
  /** Bytes that were taken of the handler. */
  readonly taken: number;
  /** Whether a read waits. */
  readonly reads: boolean;
  /** Whether a write waits. */
  readonly writes: boolean;
  /** How many bytes have come to the peer, where that is known; asked for while a write waits. */
  readonly delivered: number | null;
}

/** Milliseconds in which the thread reads what is there already. */
const A_MOMENT = 20;
/** Milliseconds until the next look at a handler that does not read yet, at least. */
const NOT_READING = 100;
/** In so many parts the time is looked at in which bytes are counted. */
const PARTS = 10;

/** Calls `onSlow` once, if the peer does too little; the caller ends the connection. */
export class LoopPeerWatch {
  readonly #limits: PeerLimits;
  readonly #look: (asks?: boolean) => PeerLook;
  readonly #onSlow: (why: SlowPeer) => void;
  #first: ReturnType<typeof setTimeout> | undefined;
  #parts: ReturnType<typeof setInterval> | undefined;

  /** @param look asked also for `delivered`, whether or not a write waits */
  constructor(
    limits: PeerLimits,
    look: (asks?: boolean) => PeerLook,
    onSlow: (why: SlowPeer) => void,
  ) {
    this.#limits = limits;
    this.#look = look;
    this.#onSlow = onSlow;
    if (limits.firstByte > 0) this.#waitForFirst(limits.firstByte);
    if (limits.minRate > 0) this.#count();
  }

  /** Looks no more. */
  stop(): void {
    clearTimeout(this.#first);
    clearInterval(this.#parts);
  }

  /** @param hasRead whether the handler has read for a moment already */
  #waitForFirst(milliseconds: number, hasRead = false): void {
    this.#first = setTimeout(() => {
      const { read, reads } = this.#look();
      if (read > 0) return;
      if (!reads) this.#waitForFirst(Math.max(NOT_READING, this.#limits.firstByte));
      // What came while the thread was held up, or the handler did not read, is read first.
      else if (!hasRead) this.#waitForFirst(A_MOMENT, true);
      else this.#onSlow(noFirstByte(this.#limits));
    }, milliseconds);
  }

  #count(): void {
    const interval = this.#limits.grace / PARTS;
    const watch = new RateWatch(this.#limits);
    let before = this.#look();
    let last = performance.now();
    this.#parts = setInterval(() => {
      const now = this.#look(before.writes);
      // While the thread was held up nobody could read.
      const time = Math.min(performance.now() - last, 2 * interval);
      last = performance.now();
      let isSlow = false;
      if (now.writes || now.taken > before.taken) watch.answered();
      else {
        watch.read(before.reads && now.reads ? time : 0, now.read - before.read);
        isSlow = now.reads && watch.sendsTooSlowly();
      }
      if (before.writes && before.delivered !== null && now.delivered !== null) {
        // How long a write has waited that is over is not known; what it brought is.
        isSlow = watch.write(now.writes ? time : 0, now.delivered - before.delivered) || isSlow;
      }
      before = now;
      if (isSlow) this.#onSlow(belowRate(this.#limits));
    }, interval);
  }
}
