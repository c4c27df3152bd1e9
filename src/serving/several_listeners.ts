/**
 * Several listeners as one: whoever comes to any of them is given in the order of coming,
 * and none has more than one client in that line. So none starves the others.
 * @module
 */
import type { ConnectionSource } from "./accept_loop.ts";

/** What each of them must be. */
export interface OneListener<T> extends ConnectionSource<T> {
  /** Accepted already, while nobody asked. */
  readonly waiting?: number;
  /**
   * Stops listening; a pending `accept` resolves to null. Idempotent.
   * @param serves whether those who wait, accepted already, are given first; else they are closed
   */
  close(serves?: boolean): void;
}

/** What came, in the order of coming. */
type Arrival<T> =
  | { readonly listener: number; readonly given: T }
  | { readonly listener: number; readonly error: unknown };

/**
 * The listeners as one; a single one as it is.
 * @param mark says of what one has given which one it was
 * @param drop closes one whom nobody takes any more
 */
export function asOne<T>(
  listeners: readonly OneListener<T>[],
  mark: (given: T, listener: number) => void,
  drop: (given: T) => void,
): OneListener<T> {
  return listeners.length === 1 ? listeners[0] : new SeveralListeners(listeners, mark, drop);
}

/** Several; `accept` is called again when its last promise has settled. */
class SeveralListeners<T> implements OneListener<T> {
  readonly #listeners: readonly OneListener<T>[];
  readonly #mark: (given: T, listener: number) => void;
  readonly #drop: (given: T) => void;
  readonly #line: Arrival<T>[] = [];
  /** Those of whom nobody is asked for. */
  readonly #resting = new Set<number>();
  #open: number;
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(
    listeners: readonly OneListener<T>[],
    mark: (given: T, listener: number) => void,
    drop: (given: T) => void,
  ) {
    this.#listeners = listeners;
    this.#mark = mark;
    this.#drop = drop;
    this.#open = listeners.length;
    for (const listener of listeners.keys()) this.#resting.add(listener);
  }

  get waiting(): number {
    return this.#listeners.reduce((sum, { waiting = 0 }) => sum + waiting, this.#line.length);
  }

  async accept(): Promise<T | null> {
    for (const listener of this.#resting) this.#ask(listener);
    while (this.#line.length === 0) {
      if (this.#open === 0) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const arrival = this.#line.shift()!;
    this.#resting.add(arrival.listener);
    if ("error" in arrival) throw arrival.error;
    this.#mark(arrival.given, arrival.listener);
    return arrival.given;
  }

  close(serves = false): void {
    for (const listener of this.#listeners) listener.close(serves);
    if (serves) return;
    this.#closed = true;
    for (const arrival of this.#line.splice(0)) if ("given" in arrival) this.#drop(arrival.given);
    this.#open = 0;
    this.#wake?.();
  }

  #ask(listener: number): void {
    this.#resting.delete(listener);
    const told = (arrival: Arrival<T>) => {
      this.#line.push(arrival);
      this.#wake?.();
    };
    this.#listeners[listener].accept().then(
      (given) => {
        if (given === null) {
          if (!this.#closed) this.#open--;
          this.#wake?.();
        } else if (this.#closed) this.#drop(given);
        else told({ listener, given });
      },
      (error) => told({ listener, error }),
    );
  }
}
