/**
 * Sees which workers are busy where they show it, and do not say it: to say it would cost
 * more than a short connection.
 * @module
 */
import type { Busy } from "../status/scoreboard.ts";
import type { Scores } from "../status/scores.ts";

/** Milliseconds between two looks while something changes, and while nothing does. */
const OFTEN = 10;
const SELDOM = 1000;
/** Looks in a row that must find nothing new before the next ones are seldom. */
const PATIENCE = 10;

/** Looks often while workers begin and end connections; else they say when one does. */
export class CrewWatch {
  readonly #scores: Pick<Scores, "busy" | "sleep">;
  readonly #saw: (shown: ReadonlyMap<number, Busy>) => boolean;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #sleeps = false;
  /** How many looks in a row have found nothing. */
  #looks = 0;
  #stopped = false;

  /** @param saw told at each look who is busy, by the worker's number; whether that is new */
  constructor(
    scores: Pick<Scores, "busy" | "sleep">,
    saw: (shown: ReadonlyMap<number, Busy>) => boolean,
  ) {
    this.#scores = scores;
    this.#saw = saw;
    this.#sleep();
  }

  /** Looks now. */
  look(): void {
    if (this.#stopped) return;
    const isNew = this.#saw(this.#scores.busy());
    this.#looks = isNew ? 0 : this.#looks + 1;
    if (isNew && this.#sleeps) {
      this.#sleeps = false;
      this.#scores.sleep(false);
      this.#next(OFTEN);
    }
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #next(milliseconds: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.look();
      if (this.#stopped) return;
      if (!this.#sleeps && this.#looks >= PATIENCE) this.#sleep();
      else this.#next(this.#sleeps ? SELDOM : OFTEN);
    }, milliseconds);
  }

  /** From here on workers say it. What one did in this moment is seen by the look that follows. */
  #sleep(): void {
    this.#sleeps = true;
    this.#scores.sleep(true);
    this.#next(SELDOM);
    this.look();
  }
}
