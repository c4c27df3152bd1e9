/**
 * How long a list of runs will still take.
 * @module
 */

/** A run that is planned. */
export interface PlannedRun {
  /** The same for runs that take equally long: a server's rounds. */
  readonly kind: string;
  /** Milliseconds that it will probably take. */
  readonly expected: number;
}

/** Knows the runs that have ended: a server's later rounds take as long as its latest. */
export class Estimate {
  readonly #runs: readonly PlannedRun[];
  /** Milliseconds that runs of a kind have taken. */
  readonly #known = new Map<string, number>();
  #done = 0;
  #spent = 0;

  /** @param runs in their order */
  constructor(runs: readonly PlannedRun[]) {
    this.#runs = runs;
  }

  /** How many there are. */
  get all(): number {
    return this.#runs.length;
  }

  /** How many have ended. */
  get done(): number {
    return this.#done;
  }

  /** The run that is under way has ended, after so many milliseconds. */
  ended(took: number): void {
    this.#known.set(this.#runs[this.#done].kind, took);
    this.#spent += took;
    this.#done++;
  }

  /** Milliseconds that are left when the run under way has taken so many. */
  left(underWay: number): number {
    const [now, ...later] = this.#runs.slice(this.#done).map((run) => this.#time(run));
    return Math.max(0, (now ?? 0) - underWay) + later.reduce((a, b) => a + b, 0);
  }

  /** The part of all, 0 to 1, that is done by then. */
  part(underWay: number): number {
    const spent = this.#spent + underWay;
    const all = spent + this.left(underWay);
    return all === 0 ? 0 : spent / all;
  }

  #time({ kind, expected }: PlannedRun): number {
    return this.#known.get(kind) ?? expected;
  }
}
