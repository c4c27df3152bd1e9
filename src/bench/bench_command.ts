/**
 * `bench`: servers under the same load, one after the other, in rounds.
 * @module
 */
import { describeOptions } from "../cli/describe_options.ts";
import type { Runtime } from "../runtime.ts";
import { writeText } from "../runtimes/workbench.ts";
import { BENCH_OPTIONS } from "./bench_options.ts";
import { type BenchSettings, benchSettings } from "./bench_settings.ts";
import { type BlockedOutcome, CASES, measureBlocked } from "./blocked.ts";
import type { Contestant } from "./contestants.ts";
import { benchJson } from "./json.ts";
import { LoadThread } from "./load_thread.ts";
import { machine } from "./machine.ts";
import { measure, type RunOutcome } from "./measure.ts";
import { Progress } from "./progress.ts";
import { reportPage } from "./report.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { formatWait, summarize, summarizeBlocked, type Summary } from "./summary.ts";
import { blockedText, summaryText } from "./table.ts";

/** The help text. */
export const BENCH_HELP =
  `Measure servers under the same load, and see which model suits your handler.

usage: trivet bench [OPTIONS]

Scenarios:
  message     clients send a message, wait until it is back, and send the next
  stream      clients send as fast as the server takes it
  connect     clients connect, send one message, say bye, and come again
  idle        many clients that are silent: what do they cost?
  blocked     how long a client waits behind one that is silent, that computes,
              or that crashes (with a handler of its own)

Every server is started afresh for each run, in turns, and every byte that
comes back is checked. Options (the default is in brackets):
${describeOptions(BENCH_OPTIONS)}

Try it:
  trivet bench --seconds 2
  trivet bench --scenario blocked --models iterative,multiplex,thread,process
  trivet bench --handler ./my_handler.ts --connections 1,10,50 --report bench.html
  trivet bench --models multiplex --peer 'mine=python3 my_server.py {port}'

Ctrl-C ends it and shows what was measured until then.

Exit codes: 0; 1 if a server returned a wrong byte, or none could be measured;
2 for a mistake in the command line; 130 after Ctrl-C.
`;

/** One server in one round. */
interface Job {
  readonly what: string;
  readonly expected: number;
  /** Whose outcomes these are, and in which group. */
  readonly contestant: Contestant;
  readonly group: Group;
}

/** What is compared with each other. */
interface Group {
  /** null is the scenario `blocked`. */
  readonly scenario: Scenario | null;
  readonly connections: number;
  readonly size: number;
  readonly runs: Map<string, RunOutcome[]>;
  readonly blocked: Map<string, BlockedOutcome[]>;
}

/** Milliseconds before what counts, and what a start and an end probably take. */
const WARMUP = 1000;
const AROUND = 1500;
const BLOCKED = 6000;

/** Runs until all is measured; returns the exit code. */
export async function benchCommand(runtime: Runtime, args: string[]): Promise<number> {
  const settings = benchSettings(runtime, args);
  if (settings.help) {
    await runtime.writeOut("stdout", BENCH_HELP);
    return 0;
  }
  const refusal = runtime.os === "linux"
    ? runtime.processRefusal() ?? runtime.libraryRefusal()
    : "its load generator needs epoll: run it on Linux";
  if (refusal !== null) throw new Error(`bench cannot measure here: ${refusal}`);
  // Now, and not when all is measured, it shows whether they can be written.
  for (const path of [settings.json, settings.report]) {
    if (path !== null) writeText(path, "");
  }

  const stopping = new AbortController();
  let code = 0;
  for (const [signal, number] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    runtime.onSignal(signal, () => {
      code ||= number;
      stopping.abort();
    });
  }
  const groups = await runAll(runtime, settings, stopping.signal);

  const about = machine(runtime);
  const how = `${conditions(settings)}${stopping.signal.aborted ? "; stopped before its end" : ""}`;
  await runtime.writeOut("stdout", `${about}\n${how}\n`);
  const summaries: Summary[] = [];
  let blockedRows: ReturnType<typeof summarizeBlocked> = [];
  for (const { scenario, connections, size, runs, blocked } of groups) {
    if (runs.size + blocked.size === 0) continue; // it was stopped before
    if (scenario === null) blockedRows = summarizeBlocked(blocked);
    else summaries.push(summarize(scenario, connections, size, runs));
    const text = scenario === null ? blockedText(blockedRows) : summaryText(summaries.at(-1)!);
    await runtime.writeOut("stdout", `\n${text}`);
  }
  const result = { about, conditions: how, summaries, blocked: blockedRows };
  if (settings.json !== null) writeText(settings.json, benchJson(result));
  if (settings.report !== null) writeText(settings.report, reportPage(result));
  if (code !== 0) return code;
  const rows = [...summaries.flatMap(({ rows }) => rows), ...blockedRows];
  const wrong = groups.some(({ runs }) =>
    [...runs.values()].flat().some((run) => "error" in run && run.wrongBytes)
  );
  return wrong || rows.every(({ error }) => error !== null) ? 1 : 0;
}

function conditions({ duration, rounds, scenarios }: BenchSettings): string {
  const times = rounds === 1 ? "1 round" : `the median of ${rounds} rounds`;
  const loaded = scenarios.some((name) => name !== "blocked");
  return `${times}${loaded ? `, ${duration / 1000} s each` : ""}; every byte checked`;
}

async function runAll(
  runtime: Runtime,
  settings: BenchSettings,
  signal: AbortSignal,
): Promise<Group[]> {
  const groups = settings.scenarios.flatMap((name) => groupsOf(name, settings));
  const jobs = groups.flatMap((group) => jobsOf(group, settings));
  const load = new LoadThread(runtime);
  signal.addEventListener("abort", () => load.stop());
  const progress = new Progress(runtime, jobs.map(({ expected }) => expected));
  try {
    for (const job of jobs) {
      if (signal.aborted) break;
      const { group, contestant } = job;
      progress.start(job.what);
      const came = group.scenario === null
        ? await runBlocked(runtime, job, signal)
        : await run(runtime, load, settings, job, signal);
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

/** A round after the other, so that what changes on the machine changes for all. */
function jobsOf(group: Group, { contestants, rounds, duration }: BenchSettings): Job[] {
  const { scenario, connections } = group;
  const name = scenario === null ? "blocked" : `${scenario.load} ×${connections}`;
  const expected = scenario === null ? BLOCKED : duration + Math.min(WARMUP, duration) + AROUND;
  return Array.from({ length: rounds }, (_, round) =>
    contestants.map((contestant) => ({
      what: `${name} ${contestant.name}${rounds > 1 ? `, round ${round + 1} of ${rounds}` : ""}`,
      expected,
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
): Promise<string> {
  const scenario = group.scenario!;
  const before = group.runs.get(contestant.name) ?? [];
  const outcome = repeated(before) ?? await measure(runtime, load, {
    scenario,
    contestant,
    connections: group.connections,
    size: group.size,
    handler: contestant.isOurs ? settings.handler : null,
    warmup: Math.min(WARMUP, settings.duration),
    duration: settings.duration,
  }, signal);
  group.runs.set(contestant.name, [...before, outcome]);
  if ("error" in outcome) return outcome.error;
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
