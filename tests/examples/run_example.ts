/** Runs what must hold for an example, under every model. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { type ModelName, serve, type ServerEvent } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, within } from "../tools/client.ts";
import { Command } from "../tools/command.ts";
import type { Example, ExampleCase, Site } from "./example.ts";

const ROOT = new URL("../..", import.meta.url);
const FOLDER = new URL("examples/", ROOT);

/** A server whose end can be waited for. */
interface Running extends Site {
  /** Its exit code. */
  readonly ended: Promise<number>;
  /** Ends it in any case. */
  destroy(): Promise<void>;
}

type Start = () => Promise<Running>;

/** Longer than any deadline: an example that does not leave by itself is noticed. */
const SHUTDOWN_TIMEOUT = 60;

/** The command line, a process of its own. */
async function startCommand(
  { file }: Example,
  model: ModelName,
  env: Record<string, string>,
): Promise<Running> {
  const command = new Command(
    [
      ...["serve", "--handler", `examples/${file}`, "--model", model, "--port", "0"],
      ...["--log", "json", "--spares", "2", "--shutdown-timeout", `${SHUTDOWN_TIMEOUT}`],
    ],
    { cwd: ROOT.pathname, env },
  );
  let stopped = false;
  const destroy = async () => {
    try {
      command.child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await command.exit();
  };
  try {
    return {
      address: await command.ready(),
      model,
      log: () => command.log,
      shutdown() {
        if (!stopped) command.child.kill("SIGTERM"); // a second one would end it at once
        stopped = true;
      },
      ended: command.status.then(() => command.exit()),
      destroy,
    };
  } catch (error) {
    await destroy();
    throw error;
  }
}

let loads = 0;

/** serve() in this process, where Deno's sanitizers see what a handler leaves behind. */
async function startHere(
  { file }: Example,
  model: ModelName,
  env: Record<string, string>,
): Promise<Running> {
  Object.assign(process.env, env);
  const events: ServerEvent[] = [];
  // A module is loaded once; another URL loads it again, with its environment.
  const url = new URL(`${file}?${++loads}`, FOLDER);
  const server = await serve({
    model,
    port: 0,
    shutdownTimeout: SHUTDOWN_TIMEOUT * 1000,
    onEvent: (event) => events.push(event),
  }, url).finally(() => {
    for (const name of Object.keys(env)) delete process.env[name];
  });
  const ended = server.finished.then(() => 0);
  return {
    address: server.addr,
    model,
    log: () => JSON.stringify(events),
    shutdown: () => void server.shutdown(),
    ended,
    destroy: () => server.close(),
  };
}

/** Runs the cases, those that end their server each on one of its own. */
async function run(
  t: Deno.TestContext,
  cases: readonly ExampleCase[],
  model: ModelName,
  start: Start,
) {
  const each = async (server: Running, cases: readonly ExampleCase[], code: number) => {
    try {
      for (const { name, run } of cases) {
        // What a case that failed has left open would keep the server from its end.
        if (!await t.step(name, () => run(server))) await Client.closeAll();
      }
      await t.step("the server ends", async () => {
        if (code === 0) server.shutdown();
        assertEquals(await within("its end", server.ended), code, server.log());
      });
    } finally {
      await server.destroy();
    }
    return server.log();
  };
  const here = cases.filter((c) => !c.not?.[model]);
  const shared = here.filter((c) => c.ends?.[model] === undefined);
  const log = await each(await start(), shared, 0);
  for (const one of here) {
    const code = one.ends?.[model];
    if (code !== undefined) await each(await start(), [one], code);
  }
  return log;
}

const PLACES = [
  ...(Object.keys(MODELS) as ModelName[]).map((model) => ({
    place: `the command line, ${model}`,
    model,
    start: startCommand,
  })),
  { place: "serve(), multiplex", model: "multiplex" as const, start: startHere },
];

/** Defines the tests of one example, under every model. */
export function exampleTests(example: Example): void {
  const title = `examples/${example.file}${example.when ? `, ${example.when}` : ""}`;
  for (const { place, model, start } of PLACES) {
    if (example.crashes && start === startHere) continue;
    if (example.models && !example.models.includes(model)) continue;
    Deno.test(`${title}: ${place}`, async (t) => {
      const prepared = await example.prepare?.();
      const env = prepared?.env ?? {};
      try {
        const log = await run(t, example.cases, model, () => start(example, model, env));
        for (const line of log.trim().split("\n")) JSON.parse(line); // each line is an object
        if (!example.crashes) assert(!log.includes("unhandled"), log);
      } finally {
        await prepared?.close();
      }
    });
  }
}
