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
  readonly #stops: readonly (() => void)[];

  constructor(
    all: readonly T[],
    spreading: Spreading,
    tell: (one: T) => void,
    end: (one: T) => void,
  ) {
    const { grace } = spreading;
    this.#stops = [evenly(all, spreading, 0, tell), evenly(all, spreading, grace, end)];
  }

  /** Tells and ends nobody any more. */
  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

/** Calls `step` with one after another; returns what ends it early. */
function evenly<T>(
  all: readonly T[],
  { over, phase }: Spreading,
  delay: number,
  step: (one: T) => void,
): () => void {
  const start = performance.now() + delay;
  const due = (index: number) => start + over * (index + phase) / all.length;
  let next = 0;
  let timer: ReturnType<typeof setTimeout>;
  const wait = () => {
    if (next === all.length) return;
    timer = setTimeout(() => {
      for (const now = performance.now(); next < all.length && due(next) <= now;) step(all[next++]);
      wait();
    }, Math.max(0, due(next) - performance.now()));
  };
  wait();
  return () => clearTimeout(timer);
}
