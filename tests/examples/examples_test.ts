/** Each example, under every model, as a user would notice. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { type ModelName, serve, type ServerEvent } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, within } from "../tools/client.ts";
import { Command } from "../tools/command.ts";
import { type Example, type ExampleCase, EXAMPLES, type Site } from "./cases.ts";

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
      log: () => command.stderr,
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

for (const example of EXAMPLES) {
  const title = `examples/${example.file}${example.when ? `, ${example.when}` : ""}`;
  for (const { place, model, start } of PLACES) {
    if (example.crashes && start === startHere) continue;
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

/** What the commands in the examples' headers print, by the headers. */
const PRINTED: Record<string, string> = {
  "key_value.ts": "OK\nVALUE dark blue\n",
  "hash.ts": "70ef65897fbe9afb5dfe8c825327057d1e174e0dfc3d299c340aeb35adcadfe3\n",
  "crash.ts": "hello\nkill\n",
  "proxy.ts": "hello\n",
  "heartbeat.ts": "still here\ngoodbye\n",
};

for (const [file, printed] of Object.entries(PRINTED)) {
  Deno.test(`the commands in the header of examples/${file} do what it says`, async () => {
    const text = await Deno.readTextFile(new URL(file, FOLDER));
    const header = text.slice(0, text.indexOf("*/"));
    const commands = [...header.matchAll(/^ \* {5}((?:\w+=\S+ )?(?:deno|printf) .*)$/gm)]
      .map((match) => match[1]);
    for (const line of printed.trim().split("\n")) {
      assert(header.includes(`\`${line}\``), `the header does not name ${line}`);
    }

    const running: Command[] = [];
    let port = 0; // of the server that was started last
    const serve = async (line: string) => {
      const words = line.split(" ");
      const env: Record<string, string> = {};
      if (words[0].includes("=")) {
        const [name, value] = words.shift()!.split("=");
        env[name] = value.replace(/8888$/, String(port));
      }
      const args = words.slice("deno run -A cli.ts".split(" ").length)
        .filter((word, i, all) => word !== "--port" && all[i - 1] !== "--port");
      const server = new Command([...args, "--port", "0"], { cwd: ROOT.pathname, env });
      running.push(server);
      port = (await server.ready() as { port: number }).port;
    };
    try {
      const client = commands.pop()!;
      for (const line of commands) await serve(line);
      const [server] = running;
      if (client.startsWith("printf")) {
        const line = client.replace("| deno", `| ${Deno.execPath()}`)
          .replace(/connect.*$/, `connect 127.0.0.1 ${port}`);
        const shell = new Deno.Command("sh", { args: ["-c", line], cwd: ROOT.pathname });
        const { stdout } = await within(line, shell.output());
        assertEquals(new TextDecoder().decode(stdout), printed);
      } else {
        const person = new Command(["connect", "127.0.0.1", String(port)]);
        running.push(person);
        const [silent, end] = printed.split(/(?<=\n)/);
        await until("what it prints", () => person.stdout.startsWith(silent));
        server.child.kill("SIGINT");
        assertEquals(await server.exit(), 0);
        await person.exit();
        assert(person.stdout.endsWith(end), person.stdout);
      }
      if (file === "crash.ts") {
        assert(header.includes("`worker: SIGKILL`"));
        await until("the log", () => server.stderr.includes("(worker: SIGKILL)"));
      }
    } finally {
      for (const command of running) {
        try {
          command.child.kill("SIGTERM");
        } catch {
          // It has ended already.
        }
        await command.exit();
      }
    }
  });
}

Deno.test("the code in docs/handlers.md type-checks, and its first handler echoes", async () => {
  const guide = await Deno.readTextFile(new URL("docs/handlers.md", ROOT));
  const blocks = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  assert(blocks.length > 0);
  const folder = await Deno.makeTempDir();
  try {
    const files = blocks.map((_, i) => `${folder}/${i}.ts`);
    for (const [i, file] of files.entries()) {
      const text = blocks[i].replaceAll('"./mod.ts"', `"${new URL("mod.ts", ROOT).href}"`);
      await Deno.writeTextFile(file, text);
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", ...files],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));

    const server = await serve({ port: 0 }, files[0]);
    const client = await Client.open(server.addr);
    await client.send("hello\n");
    assertEquals(await client.receiveText(6), "hello\n");
    await client.close();
    await server.shutdown();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
