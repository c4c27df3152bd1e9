/**
 * Serves clients of every kind for a while, kills workers meanwhile, and accounts
 * for every connection: served whole, or ended by a fault that this run caused.
 *
 *     deno run -A scripts/soak/soak.ts --model process --runtime bun --seconds 60
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import type { ModelName } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { type Target, target } from "../../tests/tools/targets.ts";
import { ALL_KINDS } from "./clients.ts";
import { ENDS } from "./ledger.ts";
import { type Outcome, soak } from "./run.ts";

const HELP = `Usage: deno run -A scripts/soak/soak.ts [options] [-- options of serve]

  --model NAME         ${Object.keys(MODELS).join(", ")}; or all, one after another (all)
  --runtime NAME       deno, bun or node: what the server runs on (deno)
  --seconds N          how long each model is under load (20)
  --connections N      how many clients there are at once (50)
  --kill-every MS      kill a random worker process so often; 0 for never (200)
  --kill-template-every MS
                       kill the process that forks workers so often; 0 for never (0)
  --answer-within S    a new client must be answered so soon after a kill (2)
  --seed N             what the clients do depends on it (1)

Exit code 1 if a connection is not accounted for, if something was not given
back, or if memory grew and grew.`;

/** Ends with what is wrong with the command line. */
function usage(text: string): never {
  console.error(`soak: ${text}; see --help`);
  Deno.exit(2);
}

const split = Deno.args.indexOf("--");
const own = split < 0 ? Deno.args : Deno.args.slice(0, split);
const given = parseArgs(own, {
  string: [
    "model",
    "runtime",
    "seconds",
    "connections",
    "kill-every",
    "kill-template-every",
    "answer-within",
    "seed",
  ],
  boolean: ["help"],
  unknown: (argument) => usage(`unknown: ${argument}`),
}) as Record<string, string | boolean | undefined>;

function number(name: string, otherwise: number, least = 0): number {
  const value = Number(given[name] ?? otherwise);
  if (given[name] === "" || !(value >= least)) usage(`--${name} must be a number from ${least}`);
  return value;
}

function choice<T extends string>(name: string, otherwise: T, all: readonly T[]): T {
  const value = (given[name] ?? otherwise) as T;
  if (!all.includes(value)) usage(`--${name} must be one of ${all.join(", ")}`);
  return value;
}

/** What came of one soak, as lines. */
function table({ ledger, before, after, ...rest }: Outcome): string {
  const rows = [["client", ...ENDS]];
  for (const kind of ALL_KINDS) {
    rows.push([
      kind,
      ...ENDS.map((end) => `${ledger.counts[kind][end]}`),
    ]);
  }
  const sum = (end: typeof ENDS[number]) =>
    ALL_KINDS.reduce((total, kind) => total + ledger.counts[kind][end], 0);
  rows.push(["all", ...ENDS.map((end) => `${sum(end)}`)]);
  const lines = rows.map(([first, ...others]) =>
    "  " + first.padEnd(12) + others.map((cell) => cell.padStart(9)).join("")
  );
  const held = (["processes", "threads", "descriptors"] as const)
    .map((what) => `${before[what]} ${what}, then ${after[what]}`).join("; ");
  lines.push(
    `  ${ledger.total} connections accounted for, ${Math.round(rest.rate)} in a second`,
    `  ${held}`,
    ...rest.memory.map((text) => `  ${text}`),
  );
  if (ledger.kills > 0) {
    lines.push(
      `  ${ledger.kills} workers killed: ${
        sum("killed")
      } clients broke, of ${ledger.untold} of whom ` +
        `the worker could say nothing any more; ${ledger.servedBeforeKill} had their whole answer`,
      `  after a kill a new client was answered within ${rest.slowestAnswer} ms`,
    );
  }
  if (ledger.unseen > 0) lines.push(`  ${ledger.unseen} clients left before they were accepted`);
  for (const complaint of ledger.complaints) lines.push(`  WRONG: ${complaint}`);
  if (ledger.complained > 0) lines.push(`  ${ledger.complained} complaints`);
  return lines.join("\n");
}

if (given.help) {
  console.log(HELP);
  Deno.exit(0);
}
const MODEL_NAMES = Object.keys(MODELS) as ModelName[];
const model = choice("model", "all", ["all", ...MODEL_NAMES]);
const runtime = choice<Target["name"]>("runtime", "deno", ["deno", "bun", "node"]);
const shared = {
  milliseconds: number("seconds", 20, 1) * 1000,
  connections: number("connections", 50, 1),
  killEvery: number("kill-every", 200),
  killTemplateEvery: number("kill-template-every", 0),
  answerWithin: number("answer-within", 2) * 1000,
  seed: number("seed", 1),
  serve: split < 0 ? [] : Deno.args.slice(split + 1),
  onProgress: (line: string) => console.log(`  ${line}`),
};
const program = (await target(runtime)).run;
let wrong = 0;
for (const name of model === "all" ? MODEL_NAMES : [model]) {
  console.log(`${name} on ${runtime}:`);
  const outcome = await soak({ ...shared, model: name, program });
  console.log(table(outcome));
  wrong += outcome.ledger.complained;
}
Deno.exit(wrong > 0 ? 1 : 0);
