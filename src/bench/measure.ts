/**
 * One run: start a server, load it, look at what it uses, end it.
 * @module
 */
import { askStatus } from "../cli/status_client.ts";
import { delay, patiently } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Contestant } from "./contestants.ts";
import type { Board, Measured } from "./figures.ts";
import { CLOSED_EARLY, type LoadResult } from "./load_messages.ts";
import type { LoadThread } from "./load_thread.ts";
import { disturbance, memory, snapshot } from "./process_tree.ts";
import type { RunningServer } from "./running_server.ts";
import type { Scenario } from "./scenarios.ts";
import { plural } from "./units.ts";

/** What shall be run. */
export interface RunPlan {
  readonly scenario: Scenario;
  readonly contestant: Contestant;
  readonly connections: number;
  readonly size: number;
  readonly handler: string | null;
  /** Milliseconds. */
  readonly warmup: number;
  readonly duration: number;
}

/** What came of it: figures with what there is to say about them, or why there are none. */
export type RunOutcome =
  | { readonly measured: Measured; readonly notes: readonly string[] }
  | { readonly error: string; readonly wrongBytes: boolean };

/** The part of the time from which on the load generator is the limit. */
const BUSY = 0.95;
/** The part of the machine from which on others disturb. */
const DISTURBED = 0.05;
/** Milliseconds in which a server that has started comes to rest. */
const REST = 100;
/** Milliseconds in which the end of a server whose connections have all broken is known. */
const END = 1000;

/**
 * Runs it; a server's faults are an outcome, what is thrown is the command's own.
 * @param doing told what is happening, for people
 */
export async function measure(
  runtime: Runtime,
  load: LoadThread,
  plan: RunPlan,
  signal: AbortSignal,
  doing: (what: string) => void,
): Promise<RunOutcome> {
  let server: RunningServer;
  doing("starting the server");
  try {
    server = await plan.contestant.start(plan.handler, signal);
  } catch (error) {
    return { error: errorMessage(error), wrongBytes: false };
  }
  try {
    await delay(REST);
    return await loaded(runtime, load, plan, server, doing);
  } finally {
    doing("ending the server");
    await server.stop();
  }
}

async function loaded(
  runtime: Runtime,
  load: LoadThread,
  plan: RunPlan,
  server: RunningServer,
  doing: (what: string) => void,
): Promise<RunOutcome> {
  const { scenario, contestant, size, warmup, duration } = plan;
  const connections = Math.min(plan.connections, contestant.capacity);
  const look = () => snapshot(server.pid, runtime.pid);
  const memoryBefore = memory(server.pid);
  const empty = look();
  let [before, after, held, kilobytes] = [empty, empty, empty, memoryBefore];
  let board: Board | null = null;
  server.onEnd(() => load.stop());
  doing(
    contestant.hasWorkers
      ? `starting ${plural(connections, "worker")}`
      : `connecting ${plural(connections, "client")}`,
  );
  const start = performance.now();
  const result = await load.run({
    load: scenario.load,
    address: server.address,
    connections,
    size,
    warmup,
    duration,
  }, {
    warming: () => doing("warming up"),
    measuring() {
      doing("measuring");
      before = look();
    },
    measured: () => after = look(),
    async holding() {
      kilobytes = memory(server.pid);
      held = look();
      board = await boardOf(runtime, server);
    },
  });
  if (result.answered === 0 && Object.keys(result.failures).length > 0) {
    await Promise.race([new Promise<void>((resolve) => server.onEnd(resolve)), patiently(END)]);
  }
  const error = fault(plan, result, server, connections, performance.now() - start);
  if (error !== null) return { error, wrongBytes: result.wrong > 0 };
  const measured: Measured = {
    load: result,
    cpu: after.cpu - before.cpu,
    memoryBefore,
    memory: kilobytes,
    processes: held.pids.length,
    threads: held.threads,
    disturbance: disturbance(before, after),
    board,
  };
  return { measured, notes: notes(measured, plan, connections) };
}

/** What the server tells of itself now; null if it does not. */
async function boardOf(runtime: Runtime, { status }: RunningServer): Promise<Board | null> {
  if (status === null) return null;
  try {
    const { model, each, open, waiting, scoreboard, busy, memory, totals, workers } =
      await askStatus(runtime, status);
    return {
      ...{ model, each, open, waiting, scoreboard, busy, memory },
      accepted: totals.accepted,
      workers: workers.map(({ name, state, open, busy }) => ({ name, state, open, busy })),
    };
  } catch {
    return null; // it has ended, which the result of the load tells
  }
}

/**
 * Why the figures are worth nothing.
 * @param waited milliseconds of the whole load
 */
function fault(
  { scenario: { load }, contestant, handler, duration }: RunPlan,
  result: LoadResult,
  server: RunningServer,
  connections: number,
  waited: number,
): string | null {
  // The default handler does.
  const echoes = contestant.isOurs && handler === null
    ? ""
    : `; bench needs a ${handler === null ? "server" : "handler"} that echoes what it gets`;
  if (result.wrong > 0) return `wrong bytes: ${result.firstWrong}${echoes}`;
  const ended = server.ended();
  if (ended !== null) return `died: ${ended}`;
  if (result.count > 0 || result.bytes > 0 && load !== "connect") return null;
  if (load === "connect" && result.answered > 0) {
    return 'it did not close a connection after "bye"';
  }
  for (const [why, times] of Object.entries(result.failures)) {
    return `${why} (${times} times)${why === CLOSED_EARLY ? echoes : ""}`;
  }
  if (result.answered > 0) {
    return `no answer came in the ${duration / 1000} s that count, though some came before: ` +
      "it needs more --seconds";
  }
  const within = `within ${Math.round(waited / 1000)} s`;
  return `no answer came on any of ${plural(connections, "connection")} ${within}${echoes}`;
}

/** What must be known to read the figures. */
function notes(run: Measured, plan: RunPlan, connections: number): string[] {
  const { load } = run;
  const all: string[] = [];
  if (connections < plan.connections) {
    all.push(
      connections === 1
        ? "had 1 connection: it serves one at a time"
        : `had ${connections} connections: it serves no more at once unless told to`,
    );
  }
  for (const [why, times] of Object.entries(load.failures)) all.push(`${why} (${times} times)`);
  if (load.unserved > 0) {
    all.push(`${load.unserved} of ${connections} connections got no answer`);
  }
  if (load.busy >= BUSY && plan.scenario.load !== "idle") {
    all.push("the load generator itself was the limit: compare the CPU, not the rate");
  }
  if (run.disturbance >= DISTURBED) {
    all.push(`other processes used ${(100 * run.disturbance).toFixed(0)} % of the machine`);
  }
  return all;
}
