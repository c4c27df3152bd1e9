/**
 * The workers that there are, and how many of them do what.
 * @module
 */
import type { WorkerState } from "./reload.ts";
import type { Busy } from "../status/scoreboard.ts";
import type { Change, SupervisedWorker } from "./supervised_worker.ts";

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

  /** What all show in one moment: for whom that is new, and what it changes for the others. */
  saw(shown: ReadonlyMap<number, Busy>): [SupervisedWorker, Change][] {
    const changes: [SupervisedWorker, Change][] = [];
    for (const [number, busy] of shown) {
      const worker = this.get(number);
      const change = worker?.saw(busy);
      if (worker && change) changes.push([worker, change]);
    }
    return changes;
  }

  /** Those that wait for a client, the oldest first. */
  *idle(): Generator<SupervisedWorker> {
    for (const worker of this.values()) {
      if (worker.state === "idle") yield worker;
    }
  }
}
