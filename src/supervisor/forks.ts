/**
 * Forked workers of a crew: those that were started in their place meanwhile leave for them,
 * and they leave themselves where their handler must not be forked.
 * @module
 */
import type { EventSink } from "../events.ts";
import type { Roster } from "./roster.ts";
import type { SupervisedWorker as Worker } from "./supervised_worker.ts";

/** What is said of a handler that breaks the promise of `blocking`. */
const GAVE_UP = "a handler that exports `blocking` waited for something else than its " +
  "connection, which ended; from now on its workers are not forked, and slower: take that " +
  "export out of its module";

/** The forks among the workers. */
export class Forks {
  readonly #workers: Roster;
  readonly #leave: (worker: Worker) => void;
  readonly #onEvent: EventSink;
  /** The last generation whose handler broke the promise of `blocking`. */
  #unforkable = -1;

  /** @param leave asks a worker to leave when its connection has ended */
  constructor(workers: Roster, leave: (worker: Worker) => void, onEvent: EventSink) {
    this.#workers = workers;
    this.#leave = leave;
    this.#onEvent = onEvent;
  }

  /** A worker is ready, forked or not. */
  ready(worker: Worker): void {
    if (worker.generation <= this.#unforkable) this.#dismiss(worker);
    // There is one that was started for good: whoever was not may leave.
    if (worker.how !== "stopgap") this.#dismissStopgaps();
  }

  /** A fork says that its handler must not be forked; false if that is known already. */
  gaveUp(generation: number): boolean {
    if (generation === this.#unforkable) return false;
    this.#unforkable = generation;
    this.#onEvent({ type: "warning", message: GAVE_UP });
    // All forks of it would fail.
    for (const worker of [...this.#workers.values()]) this.#dismiss(worker);
    return true;
  }

  #dismissStopgaps(): void {
    for (const worker of this.#workers.idle()) {
      if (worker.how === "stopgap") this.#leave(worker);
    }
  }

  #dismiss(worker: Worker): void {
    const { how, state } = worker;
    if (how !== "forked" || state === "leaving") return;
    this.#leave(worker);
    if (state === "busy") return;
    worker.why = "exit";
    worker.handle.kill();
  }
}
