/**
 * How long to wait after a worker has failed to start: longer each time.
 * @module
 */
const FIRST_DELAY = 100;
const LARGEST_DELAY = 10_000;
/** Where there was no room for a worker: it may be there again in a moment. */
const LARGEST_NO_ROOM_DELAY = 1000;

/** Milliseconds between two reports that there was no room. */
const REPORT_INTERVAL = 1000;

/** Milliseconds after which a worker that ends has not failed to start. */
export const LONG_LIFE = LARGEST_DELAY;

/** Counts failures in a row, and waits. */
export class BackOff {
  #failures = 0;
  readonly #retry: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #reported = 0;

  /** @param retry called when the wait is over */
  constructor(retry: () => void) {
    this.#retry = retry;
  }

  /** How many failures there have been in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** One more. */
  failed(): void {
    this.#failures++;
  }

  /** A worker has served, or lived long: the next failure is the first. */
  forget(): void {
    this.#failures = 0;
  }

  /** Whether nothing may be started yet. */
  get waits(): boolean {
    return this.#timer !== null;
  }

  /** Waits, the longer the more failures there have been. */
  wait(noRoom: boolean): void {
    const delay = Math.min(
      FIRST_DELAY * 2 ** (this.#failures - 1),
      noRoom ? LARGEST_NO_ROOM_DELAY : LARGEST_DELAY,
    );
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#retry();
    }, delay);
  }

  /** Whether to report that there was no room: at most once a second. */
  mayReport(): boolean {
    const now = Date.now();
    if (now - this.#reported < REPORT_INTERVAL) return false;
    this.#reported = now;
    return true;
  }

  /** Waits no longer. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
