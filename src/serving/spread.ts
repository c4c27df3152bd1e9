/**
 * How connections end at a shutdown one after another, so that their clients do not all
 * come back in the same moment.
 * @module
 */
import type { ServingSettings } from "./serving_settings.ts";

/** When. Times are milliseconds; all of it is within the shutdown's timeout. */
export interface Spreading {
  /** From the first that is told to the last. */
  readonly over: number;
  /** What each has from then to its end. */
  readonly grace: number;
  /** When the first is told: a part of the time between two. */
  readonly phase: number;
}

/** What the options ask for; null if all shall be told, and ended, at once. */
export function spreadingOf(
  { drainSpread, shutdownTimeout }: Pick<ServingSettings, "drainSpread" | "shutdownTimeout">,
  phase = 0,
): Spreading | null {
  return drainSpread > 0
    ? { over: drainSpread, grace: shutdownTimeout - drainSpread, phase }
    : null;
}

/** Tells each when its time has come, and ends it when that is over. */
export class Spread<T> {
  readonly #all: readonly T[];
  readonly #spreading: Spreading;
  readonly #tell: (one: T) => void;
  readonly #end: (one: T) => void;
  readonly #start = performance.now();
  /** How many have been told, and ended. */
  #told = 0;
  #ended = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    all: readonly T[],
    spreading: Spreading,
    tell: (one: T) => void,
    end: (one: T) => void,
  ) {
    this.#all = all;
    this.#spreading = spreading;
    this.#tell = tell;
    this.#end = end;
    this.#wait();
  }

  /** Tells and ends nobody any more. */
  stop(): void {
    this.#told = this.#ended = this.#all.length;
    clearTimeout(this.#timer);
  }

  /** When this one is told. */
  #due(index: number): number {
    const { over, phase } = this.#spreading;
    return this.#start + over * (index + phase) / this.#all.length;
  }

  #wait(): void {
    const { length } = this.#all;
    if (this.#ended === length) return;
    const end = this.#due(this.#ended) + this.#spreading.grace;
    const next = this.#told < length ? Math.min(this.#due(this.#told), end) : end;
    this.#timer = setTimeout(() => this.#step(), Math.max(0, next - performance.now()));
  }

  /** One clock for both: nobody is ended who has not been told. */
  #step(): void {
    const now = performance.now();
    const all = this.#all;
    while (this.#told < all.length && this.#due(this.#told) <= now) this.#tell(all[this.#told++]);
    const over = now - this.#spreading.grace;
    while (this.#ended < this.#told && this.#due(this.#ended) <= over) {
      this.#end(all[this.#ended++]);
    }
    this.#wait();
  }
}
