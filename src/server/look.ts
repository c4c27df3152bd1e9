/**
 * What is to be seen of workers: what they have told, and what is on the scoreboard.
 * @module
 */
import type { Look } from "../status/book.ts";
import type { RowRead } from "../status/scoreboard.ts";
import type { WorkerView } from "../status/view.ts";
import type { SupervisedWorker } from "../supervisor/supervised_worker.ts";

type Workers = ReadonlyMap<number, SupervisedWorker>;
type Rows = ReadonlyMap<number, RowRead | null> | undefined;

/** The workers; one that was only started to see whether a handler loads is none. */
export function workerViews(workers: Workers, rows: Rows): WorkerView[] {
  const views: WorkerView[] = [];
  for (const [number, { handle, state, generation, open, reported, trial }] of workers) {
    if (trial) continue;
    const tells = rows?.has(number) ? "shows" : reported || rows ? "reports" : null;
    views.push({ name: handle.name, state, generation, open, tells, reported });
  }
  return views;
}

/** Tells of the connections of which something is known. */
export function lookAt(workers: Workers, rows: Rows, look: Look): void {
  for (const [number, worker] of workers) {
    const row = rows?.get(number);
    if (row) look(`${number}.${row.count}`, row.doing, row.bytesRead, row.bytesWritten);
    else worker.look(look);
  }
}
