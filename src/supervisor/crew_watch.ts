/**
 * Reads what workers tell in their rings: often while they tell something; else they say
 * when they do.
 * @module
 */
import type { Told } from "../status/event_ring.ts";
import type { Scores } from "../status/scores.ts";

/** Milliseconds between two looks while something happens, and while nothing does. */
const OFTEN = 10;
const SELDOM = 1000;
/** Looks that must find nothing new before the next ones are seldom. */
const PATIENCE = 10;

/** Who has told what. */
export type Telling = readonly [number: number, told: Told];

/** Looks into the rings, and keeps the order of what each worker has told there and in messages. */
export class CrewWatch {
  readonly #scores: Pick<Scores, "drain" | "sleep">;
  readonly #onTold: (told: readonly Telling[]) => void;
  /** By worker: which comes next. */
  readonly #next = new Map<number, number>();
  /** What was read, and is not passed on yet. */
  #read: Telling[] = [];
  #passesOn = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #sleeps = false;
  /** How many looks that were due have found nothing since the last one that found something. */
  #looks = 0;
  #stopped = false;

  /** @param onTold gets what was told since the last look, by all together */
  constructor(
    scores: Pick<Scores, "drain" | "sleep">,
    onTold: (told: readonly Telling[]) => void,
  ) {
    this.#scores = scores;
    this.#onTold = onTold;
    this.#sleep();
  }

  /** Looks now. */
  look(): void {
    this.#look(null);
  }

  /** A worker has ended: looks now, and waits for no message of it that is missing. */
  ended(number: number): void {
    this.#look(number);
    this.#next.delete(number);
  }

  #look(gone: number | null): void {
    if (this.#stopped) return;
    const before = this.#read.length;
    this.#scores.drain((number, nth, told) => {
      const next = this.#next.get(number) ?? 1;
      const ahead = (nth - next) | 0; // a row's words have 32 bits, and may have gone round
      if (ahead > 0 && number !== gone) return false; // a message before it is on its way
      if (ahead < 0) return true; // a handler may write there
      this.#next.set(number, nth + 1);
      this.#read.push([number, told]);
      return true;
    });
    const isNew = this.#read.length > before;
    if (isNew) this.#looks = 0;
    if (isNew && this.#sleeps) {
      this.#sleeps = false;
      this.#scores.sleep(false);
      this.#in(OFTEN);
    }
    this.#passOn();
  }

  /** A worker has told its `nth` in a message, and all that it told before was passed on. */
  heard(number: number, nth: number): void {
    this.#next.set(number, nth + 1);
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** One look's after the other's, also where whoever is told looks again. */
  #passOn(): void {
    if (this.#passesOn) return;
    this.#passesOn = true;
    try {
      while (this.#read.length > 0) {
        const told = this.#read;
        this.#read = [];
        this.#onTold(told);
      }
    } finally {
      this.#passesOn = false;
    }
  }

  #in(milliseconds: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looks++;
      this.look();
      if (this.#stopped) return;
      if (!this.#sleeps && this.#looks >= PATIENCE) this.#sleep();
      else this.#in(this.#sleeps ? SELDOM : OFTEN);
    }, milliseconds);
  }

  /** From here on workers say it. What one told in this moment is seen by the look that follows. */
  #sleep(): void {
    this.#sleeps = true;
    this.#scores.sleep(true);
    this.#in(SELDOM);
    this.look();
  }
}
