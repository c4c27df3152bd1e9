/**
 * Restarts a server again and again whose listening socket a manager keeps, as under
 * systemd's socket units, while clients come: none may be refused or cut.
 *
 *     deno run -A scripts/soak/restarts.ts --model process --runtime bun --restarts 20
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { SocketUnit } from "../../tests/tools/socket_unit.ts";
import { type Target, target } from "../../tests/tools/targets.ts";
import { type Visit, visitors } from "./visitors.ts";

/** What is restarted, and how often. */
export interface Restarts {
  readonly runtime: Target["name"];
  /** Options of `serve`. */
  readonly args: string[];
  readonly restarts: number;
  /** Clients a second. */
  readonly rate: number;
  /** Milliseconds that each server serves. */
  readonly serves: number;
}

/** What became of the clients, and how long nobody served, in milliseconds. */
export interface Restarted {
  readonly visits: Visit[];
  readonly pauses: number[];
  /** The servers' exit codes. */
  readonly codes: (number | null)[];
  /** What those wrote that did not end with 0. */
  readonly troubles: string[];
}

/** Restarts it so often. */
export async function restart(
  { runtime, args, restarts, rate, serves }: Restarts,
): Promise<Restarted> {
  const { run } = await target(runtime);
  const unit = new SocketUnit("trivet");
  const over = new AbortController();
  let server = unit.start(run, args);
  await server.ready();
  const visits = visitors(unit.addrs[0], rate, over.signal);
  const pauses: number[] = [];
  const codes: (number | null)[] = [];
  const troubles: string[] = [];
  for (let i = 0; i < restarts; i++) {
    await new Promise((resolve) => setTimeout(resolve, serves));
    const begin = performance.now();
    const code = await server.stop();
    codes.push(code);
    if (code !== 0) troubles.push(server.stderr.slice(-2000));
    server = unit.start(run, args);
    await server.ready();
    pauses.push(performance.now() - begin);
  }
  over.abort();
  const all = await visits;
  codes.push(await server.stop());
  unit.close();
  return { visits: all, pauses, codes, troubles };
}

if (import.meta.main) {
  const given = parseArgs(Deno.args, {
    string: ["model", "runtime", "restarts", "rate"],
  }) as Record<string, string | undefined>;
  const { model = "multiplex", runtime = "deno", restarts = "20", rate = "200" } = given;
  const { visits, pauses, codes, troubles } = await restart({
    runtime: runtime as Target["name"],
    args: ["--model", model],
    restarts: Number(restarts),
    rate: Number(rate),
    serves: 1000,
  });
  const failed = visits.filter(({ error }) => error !== null);
  const longest = Math.max(...visits.map(({ began, ended }) => ended - began));
  const [first, last] = [Math.min(...pauses), Math.max(...pauses)].map(Math.round);
  console.log(
    `${runtime} ${model}: ${visits.length} clients, ${failed.length} failed, ` +
      `the longest took ${Math.round(longest)} ms; from the signal to the next server's line ` +
      `${first} to ${last} ms; exit codes ${[...new Set(codes)]}`,
  );
  for (const { error, began } of failed.slice(0, 10)) console.log(`  ${error} at ${began}`);
  troubles.forEach((text) => console.log(text));
  Deno.exit(failed.length > 0 ? 1 : 0);
}
