/**
 * Runs every server under every scenario, a round after the other, so that what
 * changes on the machine changes for all.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import type { BenchSettings } from "./bench_settings.ts";
import { type BlockedOutcome, CASES, measureBlocked } from "./blocked.ts";
import type { Contestant } from "./contestants.ts";
import type { PlannedRun } from "./estimate.ts";
import { LoadThread } from "./load_thread.ts";
import { processors } from "./machine.ts";
import { measure, type RunOutcome } from "./measure.ts";
import { Progress } from "./progress.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { formatWait } from "./summary.ts";

/** What is compared with each other. */
export interface Group {
  /** null is the scenario `blocked`. */
  readonly scenario: Scenario | null;
  readonly connections: number;
  readonly size: number;
  /** The outcomes of all rounds, by the servers' names. */
  readonly runs: Map<string, RunOutcome[]>;
  readonly blocked: Map<string, BlockedOutcome[]>;
}

/** One server in one round. */
interface Job extends PlannedRun {
  /** Which of how many rounds; empty if there is one. */
  readonly round: string;
  /** Whose outcomes these are, and in which group. */
  readonly contestant: Contestant;
  readonly group: Group;
}

/** Milliseconds before what counts. */
const WARMUP = 1000;
/** Milliseconds that a start and an end probably take, and a round of `blocked` in all. */
const AROUND = 1500;
/** Milliseconds of a processor that a worker's start and end take. */
const WORKER = 150;
const BLOCKED = 6000;

/**
 * Runs all that the settings ask for, and shows how far it is.
 * @param signal ends the run that is under way, whose outcome does not count
 */
export async function runAll(
  runtime: Runtime,
  settings: BenchSettings,
  signal: AbortSignal,
): Promise<Group[]> {
  const groups = settings.scenarios.flatMap((name) => groupsOf(name, settings));
  const jobs = groups.flatMap((group) => jobsOf(group, settings));
  const load = new LoadThread(runtime);
  signal.addEventListener("abort", () => load.stop());
  const progress = new Progress(runtime, jobs);
  try {
    for (const job of jobs) {
      if (signal.aborted) break;
      const { group, contestant } = job;
      progress.start(job.kind, job.round);
      const came = group.scenario === null
        ? await runBlocked(runtime, job, signal)
        : await run(runtime, load, settings, job, signal, (what) => progress.doing(what));
      progress.end(signal.aborted ? "stopped" : came);
      if (signal.aborted) {
        // What was interrupted does not count.
        for (const map of [group.runs, group.blocked] as Map<string, unknown[]>[]) {
          const runs = map.get(contestant.name);
          runs?.pop();
          if (runs?.length === 0) map.delete(contestant.name);
        }
      }
    }
  } finally {
    await progress.close();
    load.close();
  }
  return groups;
}

function groupsOf(name: BenchSettings["scenarios"][number], settings: BenchSettings): Group[] {
  const scenario = name === "blocked" ? null : SCENARIOS[name];
  const counts = scenario === null ? [2] : settings.connections ?? [scenario.connections];
  return counts.map((connections) => ({
    scenario,
    connections,
    size: settings.size ?? scenario?.size ?? 0,
    runs: new Map(),
    blocked: new Map(),
  }));
}

function jobsOf(group: Group, { contestants, rounds, duration }: BenchSettings): Job[] {
  const { scenario, connections } = group;
  const name = scenario === null ? "blocked" : `${scenario.load} ×${connections}`;
  const expected = ({ hasWorkers, capacity }: Contestant) => {
    if (scenario === null) return BLOCKED;
    const workers = hasWorkers ? Math.min(connections, capacity) : 0;
    return duration + Math.min(WARMUP, duration) + AROUND + workers * WORKER / processors();
  };
  return Array.from({ length: rounds }, (_, round) =>
    contestants.map((contestant) => ({
      kind: `${name} ${contestant.name}`,
      round: rounds > 1 ? `, round ${round + 1} of ${rounds}` : "",
      expected: expected(contestant),
      contestant,
      group,
    }))).flat();
}

async function run(
  runtime: Runtime,
  load: LoadThread,
  settings: BenchSettings,
  { group, contestant }: Job,
  signal: AbortSignal,
  doing: (what: string) => void,
): Promise<string> {
  const scenario = group.scenario!;
  const before = group.runs.get(contestant.name) ?? [];
  const outcome = repeated(before) ?? await measure(
    runtime,
    load,
    {
      scenario,
      contestant,
      connections: group.connections,
      size: group.size,
      handler: contestant.isOurs ? settings.handler : null,
      warmup: Math.min(WARMUP, settings.duration),
      duration: settings.duration,
    },
    signal,
    doing,
  );
  group.runs.set(contestant.name, [...before, outcome]);
  if ("error" in outcome) {
    // On one runtime it loads under no model.
    const [unusable] = /Cannot (load|use) the handler .*/.exec(outcome.error) ?? [];
    if (unusable && !settings.severalRuntimes) throw new Error(unusable);
    return outcome.error;
  }
  const value = scenario.main.of(outcome.measured);
  return value === null ? "nothing" : `${scenario.main.format(value)} ${scenario.main.heading}`;
}

async function runBlocked(
  runtime: Runtime,
  { group, contestant }: Job,
  signal: AbortSignal,
): Promise<string> {
  const before = group.blocked.get(contestant.name) ?? [];
  const outcome = repeated(before) ?? await measureBlocked(runtime, contestant, signal);
  group.blocked.set(contestant.name, [...before, outcome]);
  if ("error" in outcome) return outcome.error;
  return CASES.map(({ key }) => `${key} ${formatWait(outcome.waits[key])}`).join(", ");
}

/** A server that did not start once does not start again. */
function repeated<T extends object>(before: readonly T[]): T | null {
  const last = before.at(-1);
  return last && "error" in last && /^did not start/.test(String(last.error)) ? last : null;
}
