/**
 * The workers that there are, and how many of them do what.
 * @module
 */
import type { WorkerState } from "./reload.ts";
import type { SupervisedWorker } from "./supervised_worker.ts";

/** Workers by number. */
export class Roster extends Map<number, SupervisedWorker> {
  /** How many connections they have. */
  get open(): number {
    let open = 0;
    for (const worker of this.values()) open += worker.open;
    return open;
  }

  /** How many are in a state. */
  count(state: WorkerState): number {
    let count = 0;
    for (const worker of this.values()) {
      if (worker.state === state) count++;
    }
    return count;
  }

  /** Those that wait for a client, the oldest first. */
  *idle(): Generator<SupervisedWorker> {
    for (const worker of this.values()) {
      if (worker.state === "idle") yield worker;
    }
  }
}
