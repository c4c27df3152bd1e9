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
  /** While a write waits: how many bytes have come to the peer, where that is known. */
  readonly delivered: number | null;
  /** Whether a read waits. */
  readonly reads: boolean;
}

/** Milliseconds by which a timer comes late where the thread had too much to do. */
const HELD_UP = 20;
/** Milliseconds until the next look at a handler that does not read yet. */
const NOT_READING = 100;
/** In so many parts the time is looked at in which bytes are counted. */
const PARTS = 10;

/** Calls `onSlow` once, if the peer does too little; the caller ends the connection. */
export class LoopPeerWatch {
  readonly #limits: PeerLimits;
  readonly #look: () => PeerLook;
  readonly #onSlow: (why: SlowPeer) => void;
  #first: ReturnType<typeof setTimeout> | undefined;
  #parts: ReturnType<typeof setInterval> | undefined;

  constructor(limits: PeerLimits, look: () => PeerLook, onSlow: (why: SlowPeer) => void) {
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

  #waitForFirst(milliseconds: number): void {
    const due = performance.now() + milliseconds;
    this.#first = setTimeout(() => {
      const { read, reads } = this.#look();
      if (read > 0) return;
      if (!reads) this.#waitForFirst(NOT_READING);
      // The thread was held up: what has come meanwhile is read first.
      else if (performance.now() - due > HELD_UP) this.#waitForFirst(HELD_UP);
      else this.#onSlow(noFirstByte(this.#limits));
    }, milliseconds);
  }

  #count(): void {
    const interval = this.#limits.grace / PARTS;
    const watch = new RateWatch(this.#limits);
    let before = this.#look();
    let last = performance.now();
    this.#parts = setInterval(() => {
      const now = this.#look();
      // While the thread was held up nobody could read.
      const time = Math.min(performance.now() - last, 2 * interval);
      last = performance.now();
      const came = now.read - before.read;
      let isSlow = false;
      if (now.taken > before.taken) watch.answered();
      else {
        watch.read(before.reads && now.reads ? time : 0, came);
        isSlow = now.reads && watch.sendsTooSlowly();
      }
      if (before.delivered !== null && now.delivered !== null) {
        isSlow = watch.write(time, now.delivered - before.delivered) || isSlow;
      }
      before = now;
      if (isSlow) this.#onSlow(belowRate(this.#limits));
    }, interval);
  }
}
