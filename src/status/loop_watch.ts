/**
 * How an event loop does, as a timer on it sees.
 * @module
 */
import { EpollLoop } from "../posix/epoll_loop.ts";
import type { Runtime } from "../runtime.ts";

/** An event loop between two looks. */
export interface LoopView {
  /** Milliseconds by which the last look was late. */
  readonly delay: number;
  /** The part of the time in which the loop did not wait; null where that is not told. */
  readonly busy: number | null;
}

/** Looks at this thread's loop, from a timer on it. */
export class LoopWatch {
  readonly #runtime: Runtime;
  readonly #interval: number;
  #last = performance.now();
  #idle: number | null;

  /** @param interval milliseconds between two looks, as the timer should have it */
  constructor(runtime: Runtime, interval: number) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#idle = EpollLoop.idleOf(runtime);
  }

  /** The loop since the look before. */
  look(): LoopView {
    const now = performance.now();
    const waited = EpollLoop.idleOf(this.#runtime);
    const passed = now - this.#last;
    const busy = this.#idle === null || waited === null
      ? null
      : Math.min(1, Math.max(0, 1 - (waited - this.#idle) / passed));
    [this.#last, this.#idle] = [now, waited];
    return { delay: Math.max(0, passed - this.#interval), busy };
  }
}
