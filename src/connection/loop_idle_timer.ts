/**
 * The idle timeout of a connection on an event loop; a blocking socket leaves it to
 * the kernel.
 * @module
 */

/** Milliseconds by which a timer comes late where the thread had too much to do. */
const HELD_UP = 20;

/** Calls `onIdle` once, when nothing has moved for so long. */
export class IdleTimer {
  readonly #timeout: number;
  readonly #onIdle: () => void;
  #lastMoved = Date.now();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param timeout milliseconds */
  constructor(timeout: number, onIdle: () => void) {
    this.#timeout = timeout;
    this.#onIdle = onIdle;
    this.#wait(timeout);
  }

  /** A byte has moved. */
  moved(): void {
    this.#lastMoved = Date.now();
  }

  /** Calls nobody any more. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** @param again whether the thread was held up before: a busy one is so for ever */
  #wait(milliseconds: number, again = false): void {
    const due = Date.now() + milliseconds;
    this.#timer = setTimeout(() => {
      const now = Date.now();
      const left = this.#lastMoved + this.#timeout - now;
      if (left > 0) this.#wait(left);
      // The thread was held up: what has come meanwhile is read first.
      else if (!again && now - due > HELD_UP) this.#wait(HELD_UP, true);
      else this.#onIdle();
    }, milliseconds);
  }
}
