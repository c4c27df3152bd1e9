/**
 * From the command line of `bench` to what is measured, and on which servers.
 * @module
 */
import { freePort } from "../cli/free_port.ts";
import { parseOptions } from "../cli/options.ts";
import { UsageError } from "../cli/usage_error.ts";
import type { ModelName } from "../handler/handler.ts";
import { handlerUrl } from "../handler/load_handler.ts";
import type { Runtime } from "../runtime.ts";
import { ownProgram, RUNNERS } from "../runtimes/workbench.ts";
import { MODELS } from "../server/models.ts";
import { BENCH_OPTIONS } from "./bench_options.ts";
import { type Contestant, modelContestant, peerContestant } from "./contestants.ts";
import type { Load } from "./load_messages.ts";
import { SCENARIOS } from "./scenarios.ts";
import { plural } from "./units.ts";

/** What shall be measured. */
export interface BenchSettings {
  readonly help: boolean;
  readonly contestants: readonly Contestant[];
  readonly scenarios: readonly (Load | "blocked")[];
  readonly handler: string | null;
  /** Whether more runtimes than one are compared. */
  readonly severalRuntimes: boolean;
  /** What was given; otherwise it is the scenario's own. */
  readonly connections: readonly number[] | null;
  readonly size: number | null;
  /** Milliseconds. */
  readonly duration: number;
  readonly rounds: number;
  readonly json: string | null;
  readonly report: string | null;
  /** Options that were given, and that the scenario `blocked` has no use for. */
  readonly unusedByBlocked: readonly string[];
}

/** What the scenario `blocked`, with a handler and two clients of its own, has no use for. */
const NOT_FOR_BLOCKED = ["handler", "size", "connections", "seconds"];

/** Descriptors of the command that are no client's. */
const OWN_DESCRIPTORS = 100;

/** @throws {UsageError} that names the flag and says what would be right */
export function benchSettings(runtime: Runtime, args: string[]): BenchSettings {
  const given = parseOptions(args, BENCH_OPTIONS);
  const help = given.has("help");
  if (given.words.length > 0 && !help) {
    throw new UsageError(`unexpected "${given.words[0]}"; see bench --help`);
  }
  const connections = given.list("connections")?.map(Number) ?? null;
  const scenarios = (given.list("scenario") ?? ["message"]) as BenchSettings["scenarios"];
  const unusedByBlocked = scenarios.includes("blocked")
    ? NOT_FOR_BLOCKED.filter((name) => given.text(name) !== undefined).map((name) => `--${name}`)
    : [];
  if (!help && scenarios.length === 1 && unusedByBlocked.length > 0) {
    throw new UsageError(`--scenario blocked has no use for ${unusedByBlocked.join(", ")}`);
  }
  const [json = null, report = null] = [given.text("json"), given.text("report")];
  if (
    json !== null && report !== null && runtime.fileUrl(json).href === runtime.fileUrl(report).href
  ) {
    throw new UsageError(`--json and --report go to two files: not both to "${report}"`);
  }
  if (!help) checkDescriptors(runtime, connections ?? scenarios.map(usualConnections));
  const handler = given.text("handler");
  const runtimes = given.list("runtimes") ?? [runtime.name];
  return {
    help,
    contestants: [
      ...models(
        runtime,
        (given.list("models") ?? Object.keys(MODELS)) as ModelName[],
        runtimes,
        json !== null || report !== null,
      ),
      ...peers(runtime, given.texts("peer")),
    ],
    scenarios,
    handler: handler === undefined ? null : handlerUrl(runtime, handler),
    severalRuntimes: runtimes.length > 1,
    connections,
    size: given.number("size") ?? null,
    duration: (given.number("seconds") ?? 5) * 1000,
    rounds: given.number("rounds") ?? 3,
    json,
    report,
    unusedByBlocked,
  };
}

function usualConnections(name: BenchSettings["scenarios"][number]): number {
  return name === "blocked" ? 2 : SCENARIOS[name].connections;
}

/** @throws {UsageError} if there are too few descriptors for so many clients */
function checkDescriptors(runtime: Runtime, connections: readonly number[]): void {
  const limit = runtime.descriptorLimit() ?? Infinity;
  const most = Math.max(...connections);
  if (most + OWN_DESCRIPTORS <= limit) return;
  const fewer = limit > OWN_DESCRIPTORS ? `; or give --connections ${limit - OWN_DESCRIPTORS}` : "";
  throw new UsageError(
    `${plural(most, "client")}: for that many "ulimit -n" must be ${most + OWN_DESCRIPTORS}, ` +
      `and it is ${limit}${fewer}`,
  );
}

function models(
  runtime: Runtime,
  names: readonly ModelName[],
  runtimes: readonly string[],
  tells: boolean,
): Contestant[] {
  return runtimes.flatMap((other) => {
    const [program, ...flags] = RUNNERS[other];
    const command = [other === runtime.name ? ownProgram() : program, ...flags];
    return names.map((model) =>
      modelContestant(
        runtime,
        runtimes.length === 1 ? model : `${model} ${other}`,
        model,
        command,
        tells,
      )
    );
  });
}

function peers(runtime: Runtime, specs: readonly string[]): Contestant[] {
  const names = new Set<string>();
  return specs.map((spec) => {
    const [, name, command] = /^([^=\s]+)=(.*\S.*)$/s.exec(spec) ?? [];
    if (name === undefined) {
      throw new UsageError(`--peer is NAME=COMMAND, such as 'mine=./server {port}': not "${spec}"`);
    }
    if (!command.includes("{port}")) {
      throw new UsageError(`--peer ${name}: its command does not say {port}, where the port goes`);
    }
    if (names.has(name)) throw new UsageError(`--peer ${name} is given twice`);
    names.add(name);
    return peerContestant(runtime, name, command, () => freePort(runtime));
  });
}
