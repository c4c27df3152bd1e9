/**
 * How many workers there should be: numbers in, numbers out.
 * @module
 */

/** How many workers a server wants. */
export interface CrewOptions {
  /** Workers to keep that wait for a client, beside those that have one. */
  readonly spares: number;
  /** The most workers at once. */
  readonly limit: number;
  /**
   * Whether all begin together. Otherwise the first begins alone: what is wrong
   * with it would be wrong with all, and be said by each.
   */
  readonly together: boolean;
}

/** What there is now. */
export interface Headcount {
  readonly starting: number;
  readonly idle: number;
  /** All of them, whatever they do. */
  readonly all: number;
  /** Whether one has been ready ever. */
  readonly everReady: boolean;
}

/** The most workers that are being started at once. */
const LARGEST_BURST = 32;
/** Looks in a row that must find idle workers too many before one leaves. */
const PATIENCE = 10;

/** How many to start, and how many to let go. */
export class CrewSize {
  readonly #options: CrewOptions;
  /** How many to start for clients that wait unseen. */
  #burst = 1;
  #looks = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /**
   * How many to start now.
   * @param waiting asked only if it matters: how many clients wait; null where that is not known
   * @param goesOn whether this goes on with a start that was wanted before
   */
  missing(now: Headcount, waiting: () => number | null, goesOn: boolean): number {
    const { spares, limit, together } = this.#options;
    const { starting, idle, all, everReady } = now;
    let wanted = everReady || together ? spares : Math.min(1, spares);
    if (everReady && (idle === 0 || goesOn)) {
      const clients = waiting();
      if (clients !== null) wanted += clients;
      else {
        // More clients may wait unseen: start twice as many each time.
        if (!goesOn && starting < this.#burst) {
          this.#burst = Math.min(this.#burst * 2, LARGEST_BURST);
        }
        wanted = Math.max(wanted, this.#burst);
      }
    }
    return Math.min(wanted - idle - starting, limit - all, LARGEST_BURST - starting);
  }

  /**
   * How many idle workers to let go, at one of the looks that are taken at even
   * intervals: none before they were too many for a while, then one of eight.
   */
  surplus(idle: number): number {
    if (idle > 0) this.#burst = 1;
    const surplus = idle - this.#options.spares;
    this.#looks = surplus > 0 ? this.#looks + 1 : 0;
    return this.#looks < PATIENCE ? 0 : Math.ceil(surplus / 8);
  }
}
