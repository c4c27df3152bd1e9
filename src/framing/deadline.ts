/**
 * The time of one message.
 * @module
 */
import { LONGEST_TIMER } from "../connection/delay.ts";

/** How long to wait. */
export interface Time {
  /** Milliseconds for the whole message; without it, any time. */
  readonly timeout?: number;
  /** Ends the wait when it is aborted, with its reason. Not where reads block. */
  readonly signal?: AbortSignal;
}

/** What ends one wait, which may have several parts. */
export class Deadline {
  readonly #signal: AbortSignal | undefined;
  readonly #end: number;
  readonly #timeout: number;
  #watching = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reject: ((reason: unknown) => void) | null = null;
  #over: { readonly reason: unknown } | null = null;

  /** @throws {TypeError} if the timeout is no number */
  constructor({ timeout = Infinity, signal }: Time) {
    if (typeof timeout !== "number" || Number.isNaN(timeout)) {
      throw new TypeError(`Cannot wait ${String(timeout)}: a timeout is a number of milliseconds`);
    }
    this.#timeout = timeout;
    this.#end = performance.now() + timeout;
    this.#signal = signal;
  }

  /** Milliseconds that are left. */
  get left(): number {
    return this.#end - performance.now();
  }

  /** Whether a signal can end it, and not the time alone. */
  get watches(): boolean {
    return this.#signal !== undefined;
  }

  /** As the promise does, unless the time is over before. */
  race<T>(promise: Promise<T>): Promise<T> {
    this.#watch();
    return new Promise((resolve, reject) => {
      promise.then(resolve, reject);
      this.#reject = reject;
      if (this.#over) reject(this.#over.reason);
    });
  }

  /** What is said of a message that did not come in time. */
  late(): DOMException {
    return new DOMException(`No whole message came within ${this.#timeout} ms`, "TimeoutError");
  }

  /** Watches nothing any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#aborted);
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    if (this.#signal?.aborted) return this.#aborted();
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (this.#timeout > LONGEST_TIMER) return;
    this.#timer = setTimeout(() => this.#ends(this.late()), Math.max(0, this.left));
  }

  #aborted = (): void => this.#ends(this.#signal!.reason);

  #ends(reason: unknown): void {
    this.#over = { reason };
    this.#reject?.(reason);
  }
}
