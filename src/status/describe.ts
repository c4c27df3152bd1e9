/**
 * From what is known of a server to what it tells.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { VERSION } from "../version.ts";
import { type Book, type OpenConnection, workerName } from "./book.ts";
import { connectionLetter, workerLetter } from "./letters.ts";
import type { LoopView } from "./loop_watch.ts";
import type {
  ConnectionState,
  ConnectionStatus,
  ServerStatus,
  StatusHistory,
  StatusTotals,
  WorkerStatus,
} from "./server_status.ts";
import { BUCKETS } from "./totals.ts";
import type { About, View, WorkerView } from "./view.ts";

/** Connections and places that are told of; of more there would be too much to read. */
const MOST_ROWS = 1000;
/** How many of the largest. */
const MOST_LARGEST = 10;
/** Milliseconds after which a worker that reports is late: five reports. */
const STALE = 5000;

/** Everything that is known; times are those of `performance.now()`. */
export interface Known {
  readonly runtime: Runtime;
  readonly book: Book;
  readonly history: StatusHistory;
  readonly about: About;
  readonly view: View;
  readonly now: number;
  /** When the server began to serve. */
  readonly since: number;
  /** The same since the epoch: with two clocks it would not be the same each time. */
  readonly started: number;
  /** The main process's own. */
  readonly loop: LoopView;
  memoryOf(pid: number, forked?: boolean): number | null;
}

/** Whether a client would be served: nothing stops, and a worker is there. */
export function isReady({ stopping, workers }: View): boolean {
  const isThere = workers === null ||
    workers.some(({ state }) => state === "idle" || state === "busy");
  return isThere && !stopping;
}

/** What the server tells. */
export function describe(known: Known): ServerStatus {
  const { runtime, book, history, about, view, now, since, loop } = known;
  const rows = [...book.open.values()];
  const newest = new Map(rows.map((row) => [workerName(row.worker), row.since]));
  const workers = view.workers === null
    ? [mainLoop(known)]
    : view.workers.map((worker) => ofWorker(known, worker, newest.get(workerName(worker.name))));
  const states = new Map(workers.map(({ name, state }) => [name, state]));
  const tell = (row: OpenConnection) => ofConnection(row, states, view.stopping, now);
  const connections = rows.slice(0, MOST_ROWS).map(tell);
  return {
    schema: 1,
    time: Date.now(),
    version: VERSION,
    runtime: runtime.name,
    runtimeVersion: runtime.version,
    pid: runtime.pid,
    ...about,
    addr: about.addrs[0],
    state: view.stopping ? "stopping" : "serving",
    ready: isReady(view),
    started: known.started,
    uptime: Math.round(now - since),
    open: rows.length,
    waiting: view.waiting,
    memory: known.memoryOf(runtime.pid),
    loopDelay: Math.round(loop.delay),
    busy: loop.busy,
    totals: totalsOf(book),
    durations: {
      buckets: BUCKETS,
      counts: [...book.totals.durations.counts],
      sum: book.totals.durations.sum,
    },
    scoreboard: letters(about, view, workers, connections),
    workers,
    connections,
    largest: largest(rows).map(tell),
    truncated: rows.length > MOST_ROWS,
    troubles: [...book.troubles],
    history,
    certificates: view.certificates,
  };
}

function mainLoop({ runtime, book, memoryOf, now, since, loop }: Known): WorkerStatus {
  return {
    name: "main",
    pid: runtime.pid,
    state: book.open.size > 0 ? "busy" : "idle",
    generation: 0,
    forked: false,
    age: Math.round(now - since),
    open: book.open.size,
    served: book.totals.accepted,
    memory: memoryOf(runtime.pid),
    busy: loop.busy,
    loopDelay: Math.round(loop.delay),
    reportedAgo: null,
  };
}

/** @param newest when its newest connection was accepted */
function ofWorker(
  { runtime, book, about, memoryOf, now }: Known,
  { name, state, generation, open, tells, reported: last }: WorkerView,
  newest: number | undefined,
): WorkerStatus {
  const known = book.workers.get(workerName(name));
  // A worker with one connection reports while it has one: before and after it blocks.
  const reports = about.each === "many" || (tells === "reports" && open > 0);
  const reported = reports ? last : null;
  const heard = Math.max(reported?.at ?? known?.since ?? now, newest ?? -Infinity);
  const isLate = reports && now - heard > STALE;
  const isProcess = name.kind === "process" && name.id > 0;
  return {
    // A fork has no name before it has said its PID.
    name: name.kind === "process" && !isProcess ? "process" : workerName(name),
    pid: isProcess ? name.id : name.kind === "thread" ? runtime.pid : null,
    state: isLate || known?.stuck ? "stuck" : state === "idle" && open > 0 ? "busy" : state,
    generation,
    forked: known?.forked ?? false,
    age: known ? Math.round(now - known.since) : null,
    open,
    served: known?.served ?? 0,
    memory: isProcess ? memoryOf(name.id, known?.forked) : null,
    busy: reported?.busy ?? null,
    loopDelay: reported ? Math.round(reported.delay) : null,
    reportedAgo: reported ? Math.round(now - reported.at) : null,
  };
}

function ofConnection(
  row: OpenConnection,
  workers: ReadonlyMap<string, WorkerStatus["state"]>,
  stopping: boolean,
  now: number,
): ConnectionStatus {
  const worker = workerName(row.worker);
  const state = workers.get(worker);
  return {
    id: row.id,
    client: row.remoteAddr,
    worker,
    state: state === "stuck"
      ? "stuck"
      : stopping || state === "leaving"
      ? "drains"
      : row.doing satisfies ConnectionState | null,
    age: Math.round(now - row.since),
    idle: row.isTold ? Math.round(now - row.moved) : null,
    bytesRead: row.isTold ? row.bytesRead : null,
    bytesWritten: row.isTold ? row.bytesWritten : null,
  };
}

function totalsOf(book: Book): StatusTotals {
  const { totals } = book;
  const { read, written } = book.bytes();
  return {
    accepted: totals.accepted,
    closed: totals.closed,
    probes: totals.probes,
    closedBy: totals.closedBy.all,
    refused: totals.refused.all,
    errors: totals.errors.all,
    acceptErrors: totals.acceptErrors.all,
    bytesRead: read,
    bytesWritten: written,
    workersStarted: totals.workersStarted,
    workersExited: totals.workersExited.all,
    reloads: totals.reloads.all,
    unhandled: totals.unhandled,
  };
}

/** The largest by bytes, without sorting all. */
function largest(rows: readonly OpenConnection[]): OpenConnection[] {
  const size = (row: OpenConnection) => row.bytesRead + row.bytesWritten;
  const found: OpenConnection[] = [];
  for (const row of rows) {
    if (size(row) === 0) continue;
    if (found.length === MOST_LARGEST && size(row) <= size(found.at(-1)!)) continue;
    const at = found.findIndex((other) => size(other) < size(row));
    found.splice(at < 0 ? found.length : at, 0, row);
    if (found.length > MOST_LARGEST) found.pop();
  }
  return found;
}

/** A letter for each place: of workers with one connection each, or of the connections. */
function letters(
  { each, limits }: About,
  view: View,
  workers: readonly WorkerStatus[],
  connections: readonly ConnectionStatus[],
): string {
  if (each === "many" || view.workers === null) {
    const places = connections.map(connectionLetter).join("");
    return places !== "" ? places : isReady(view) ? "_" : ".";
  }
  const byWorker = new Map(connections.map((connection) => [connection.worker, connection]));
  const places = workers.map((worker) => workerLetter(worker, byWorker.get(worker.name))).join("");
  return places.padEnd(limits.connections, ".").slice(0, MOST_ROWS);
}
