/**
 * The workers that there are, and how many of them do what.
 * @module
 */
import type { Telling } from "./crew_watch.ts";
import type { WorkerState } from "./reload.ts";
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

  /** What workers have told in their rings: at most one change of each kind, for all of them. */
  saw(tellings: readonly Telling[]): [SupervisedWorker, Change][] {
    let accepted: [SupervisedWorker, Change] | null = null;
    let closed: [SupervisedWorker, Change] | null = null;
    let idle = false;
    for (const [number, told] of tellings) {
      const worker = this.get(number);
      const change = worker?.saw(told);
      if (change?.what === "accepted") accepted = [worker!, change];
      if (change?.what !== "closed" || idle) continue;
      closed = [worker!, change];
      idle = change.idle;
    }
    return [accepted, closed].filter((change) => change !== null);
  }

  /** Those that wait for a client, the oldest first. */
  *idle(): Generator<SupervisedWorker> {
    for (const worker of this.values()) {
      if (worker.state === "idle") yield worker;
    }
  }
}
