/**
 * Workers that are forked: what they do not share, who ends whom, and what becomes of a
 * handler that must not be forked. docs/models.md tells how it is done.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Address } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";
import { alive, type Command, descendants, end } from "../tools/command.ts";
import { events } from "../tools/log_lines.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { kilobytes } from "../tools/proc.ts";
import { delay } from "../tools/unit.ts";

const HANDLER = new URL("../fixtures/handlers/forked.ts", import.meta.url).pathname;

const CONNECTS = new URL("../fixtures/handlers/connects_at_load.ts", import.meta.url).pathname;

const DIES = new URL("../fixtures/handlers/dies_in_forks.ts", import.meta.url).pathname;
const KEEPS_TIME = new URL("../fixtures/handlers/keeps_time.ts", import.meta.url).pathname;

/**
 * MiB of a fork's own, more than are seen and less than where each compiles for itself what all
 * begin with; see docs/measurements.md.
 */
const MOST_OWN = { deno: 1.2, bun: 2, node: 1.25, node24: 1.25 };

/** What the handler answers to one line. */
async function ask(client: Client, line: string): Promise<unknown> {
  await client.send(`${line}\n`);
  let text = "";
  while (!text.endsWith("\n")) text += await client.receiveText(1);
  return JSON.parse(text);
}

async function opened(address: Address, count: number): Promise<Client[]> {
  return await Promise.all(Array.from({ length: count }, () => Client.open(address)));
}

/** The process that forks: the only child of the main process that has children. */
function template(command: Command): number {
  const parents = descendants(command.child.pid).filter((pid) => descendants(pid).length > 0);
  assertEquals(parents.length, 1);
  return parents[0];
}

/** What a process's descriptors are, by their numbers. */
function descriptors(pid: number): Map<string, string> {
  const folder = `/proc/${pid}/fd`;
  const open = new Map<string, string>();
  for (const { name } of Deno.readDirSync(folder)) {
    try {
      open.set(name, Deno.readLinkSync(`${folder}/${name}`));
    } catch {
      // Closed meanwhile: the template warms up.
    }
  }
  return open;
}

await onEachRuntime(({ on, test, serve, run }) => {
  const forking = (...args: string[]) =>
    serve("--model", "process", "--log", "json", "--handler", HANDLER, ...args);

  test("forks have random numbers, names and descriptors of their own", async () => {
    await using command = forking();
    const address = await command.ready();
    const drawn = (await Promise.all((await opened(address, 3)).map(async (client) => {
      await client.send("random\n");
      const answer = new TextDecoder().decode(await client.receiveAll());
      await client.close();
      return JSON.parse(answer);
    }))).flat() as Record<string, unknown>[];
    assertEquals(drawn.length, 600);
    for (const kind of Object.keys(drawn[0])) {
      const values = new Set(drawn.map((draw) => draw[kind]));
      assertEquals(values.size, drawn.length, `${kind} came twice`);
    }

    const clients = await opened(address, 3);
    const who = await Promise.all(clients.map((client) => ask(client, "who"))) as {
      context: { id: number };
      pid: number;
      env: string[];
    }[];
    // What Bun was told for forks is not for what a handler starts.
    assertEquals(
      who.flatMap(({ env }) => env.filter((name) => /^(BUN_|MIMALLOC_)/.test(name))),
      [],
    );
    const pids = who.map(({ context }) => context.id);
    const forks = descendants(template(command));
    for (const pid of pids) assert(forks.includes(pid), `${pid} is no fork`);
    // Deno's `process.pid` cannot be set (2.9).
    if (on.name !== "deno") assertEquals(who.map(({ pid }) => pid), pids);

    const [CONTROL, LISTENING] = ["3", "4"];
    const templates = descriptors(template(command));
    for (const pid of pids) {
      const own = descriptors(pid);
      assertEquals(own.get(LISTENING), templates.get(LISTENING));
      const others = pids.filter((other) => other !== pid).map((other) => descriptors(other));
      for (const other of [...others, templates]) {
        assert(![...other.values()].includes(own.get(CONTROL)!), "a control socket is shared");
      }
    }
    await end(command, ...clients);
    assert(events(command, "worker_started").every(({ forked }) => forked));
  });

  test("a fork that waits for its client holds little that is its own", async () => {
    await using command = serve("--model", "process");
    const address = await command.ready();
    await delay(2500); // until its template is warm and, on Bun, would have collected by a timer (1.4)
    const clients = await opened(address, 16);
    for (const client of clients) {
      await client.send("x");
      await client.receive(1);
    }
    const own = descendants(template(command)).map((pid) => kilobytes(pid, "Private_Dirty"));
    await end(command, ...clients);
    assert(own.length >= 16);
    const median = own.sort((a, b) => a - b)[own.length >> 1];
    assert(median < 1024 * MOST_OWN[on.name], `${median} KiB`);
  });

  if (on.name === "bun") {
    test("the process that forks has no thread that a fork would wait for", async () => {
      await using command = forking();
      const client = await Client.open(await command.ready());
      await ask(client, "work: JSON");
      const folder = `/proc/${template(command)}/task`;
      const names = [...Deno.readDirSync(folder)]
        .map(({ name }) => {
          try {
            return Deno.readTextFileSync(`${folder}/${name}/comm`).trim();
          } catch {
            return "bun"; // one of its pool that has ended meanwhile
          }
        });
      const others = new Set(names.filter((name) => name !== "bun" && !/^Bun Pool/.test(name)));
      await end(command, client);
      assertEquals(others, new Set());
    });
  }

  test("a fork whose client waits already has its module's timers have their turn first", async () => {
    await using command = serve(
      ...["--model", "process", "--log", "json", "--handler", KEEPS_TIME],
      ...["--max-connections-per-worker", "1"],
    );
    const address = await command.ready();
    await delay(3000); // in which its template blocks
    const ages = await Promise.all((await opened(address, 8)).map(async (client) => {
      const age = Number(new TextDecoder().decode(await client.receiveAll()));
      await client.close();
      return age;
    }));
    await end(command);
    assert(events(command, "worker_started").every(({ forked }) => forked));
    assert(ages.every((age) => age < 1500), `${ages}`); // a spare looks for its client once a second
  });

  test("a handler that connects while it loads is forked as others are", async () => {
    const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answered = (async () => {
      const connection = await other.accept();
      await connection.readable.pipeTo(connection.writable);
    })();
    const env = { OTHER_PORT: String(other.addr.port) };
    const args = ["serve", "--port", "0", "--model", "process", "--log", "json"];
    await using command = run([...args, "--handler", CONNECTS], { env });
    const client = await Client.open(await command.ready());
    await answered;
    other.close();
    await client.send("x");
    assertEquals(await client.receiveText(14), "configuration\n");
    assert(events(command, "worker_started").some(({ forked }) => forked));
    await end(command, client);
  });

  test("a template that a reload has replaced ends", async () => {
    await using command = forking();
    const client = await Client.open(await command.ready());
    const old = template(command);
    await delay(500); // until it has done what it does before and between forks
    Deno.kill(command.child.pid, "SIGHUP");
    await until("another", () => descendants(command.child.pid).some((pid) => pid !== old));
    await client.close();
    await until("the end of the old one", () => !alive(old));
    await end(command);
  });

  test("what a fork writes to standard output arrives once, whole", async () => {
    await using command = forking();
    const clients = await opened(await command.ready(), 2);
    await Promise.all(clients.map((client, i) => ask(client, `log: ${i}`)));
    for (const client of clients) await client.close();
    const written = () => command.stdout.split("\n").filter((line) => line.startsWith("line"));
    await until("all lines", () => written().length >= 6);
    await end(command);
    assertEquals(
      written().sort(),
      [0, 1, 2].flatMap((line) => [0, 1].map((i) => `line ${line} of ${i}`)),
    );
  });

  // Deno gives a worker that blocks no signals, forked or not (2.9).
  if (on.name !== "deno") {
    test("a signal is a fork's own", async () => {
      await using command = forking();
      const clients = await opened(await command.ready(), 3);
      const pids: number[] = [];
      for (const client of clients) pids.push((await ask(client, "who") as { pid: number }).pid);
      for (const client of clients) await client.close();
      await until("all are idle", () => events(command, "closed").length === 3);
      for (const pid of pids) Deno.kill(pid, "SIGUSR2");
      const signals = () => command.stdout.split("\n").filter((line) => line.startsWith("signal"));
      await until("all signals", () => signals().length === 3);
      await end(command);
      assertEquals(signals().sort(), pids.map((pid) => `signal in ${pid}`).sort());
    });
  }

  test("SIGKILL of the process that forks breaks no connection", async () => {
    await using command = forking();
    const address = await command.ready();
    const [client] = await opened(address, 1);
    const { context } = await ask(client, "who") as { context: { id: number } };
    const before = template(command);
    Deno.kill(before, "SIGKILL");
    await until("it is gone", () => !alive(before));
    assertEquals(await ask(client, "work: JSON"), "JSON");
    // Those who come now need new workers.
    const others = await opened(address, 6);
    for (const other of others) assertEquals(await ask(other, "work: JSON"), "JSON");
    // Its worker is nobody's child any more, and yet its end is told.
    Deno.kill(context.id, "SIGKILL");
    await until(
      "its end",
      () => events(command, "worker_exited").some(({ worker }) => worker!.id === context.id),
    );
    await client.close();
    // Where they are forks again, the template is a new one.
    const [last] = await opened(address, 1);
    await ask(last, "work: JSON");
    await end(command, last, ...others);
  });

  test("SIGKILL of the main process ends forks that are blocked in a read", async () => {
    await using command = forking();
    const [client] = await opened(await command.ready(), 1);
    await ask(client, "work: JSON");
    const pids = descendants(command.child.pid);
    assert(pids.length >= 2);
    command.child.kill("SIGKILL");
    await command.exit();
    await until("workers are gone", () => !pids.some(alive));
    await client.close();
  });

  test("a fork ends as it would otherwise, and it is said how", async () => {
    await using command = forking();
    const address = await command.ready();
    for (
      const [what, type, text] of [
        ["throw", "closed", /^error thrown on purpose/],
        ["reject", "unhandled", /rejected on purpose/],
        ["exit", "worker_exited", /^exit code 3/],
        ["exit twice", "worker_exited", /^exit code 4/],
      ] as const
    ) {
      const [client] = await opened(address, 1);
      await client.send(what);
      await client.receiveAll().catch(() => {});
      await client.close();
      await until(
        `${what}: ${type}`,
        () =>
          events(command, type).some((e) => text.test(`${e.reason ?? ""} ${e.error ?? ""}`.trim())),
      );
    }
    await end(command);
  });

  test("each connection has a fresh process with --max-connections-per-worker 1", async () => {
    await using command = forking("--max-connections-per-worker", "1");
    const address = await command.ready();
    const pids = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const [client] = await opened(address, 1);
      pids.add((await ask(client, "who") as { context: { id: number } }).context.id);
      await client.close();
    }
    assertEquals(pids.size, 20);
    const forks = () => descendants(command.child.pid);
    await until("those that had a client are gone", () => !forks().some((pid) => pids.has(pid)));
    await end(command);
  });

  test("a handler that waits for something else is told, and not forked any more", async () => {
    for (const what of ["a timer", "another socket", "nothing at all"]) {
      await using command = forking();
      const address = await command.ready();
      const [client] = await opened(address, 1);
      await client.send(`break: ${what}`);
      assertEquals((await client.receiveAll().catch(() => [])).length, 0);
      await client.close();
      const said = (type: string) => events(command, type).length > 0;
      await until("it is said", () => said("warning") && said("closed"));
      const [closed] = events(command, "closed");
      assertEquals([closed.reason, closed.code], ["error", "ENOTSUP"], what);
      assertMatch(closed.error!, /exports `blocking`, and waits for something else/);
      // This one would come to an end.
      if (what === "a timer") {
        const others = await opened(address, 3);
        for (const other of others) assertEquals(await ask(other, `break: ${what}`), what);
        for (const other of others) await other.close();
      }
      await end(command);
      assertEquals(events(command, "warning").length, 1);
    }
  });

  test("a fork does what an engine does for itself, and answers in time", async () => {
    await using command = forking();
    const address = await command.ready();
    const clients = await opened(address, 5);
    const work = await ask(clients[0], "list") as string[];
    assert(work.length > 10);
    // Again with what was compiled, collected and moved before.
    for (let round = 0; round < 3; round++) {
      await Promise.all(clients.map(async (client) => {
        for (const what of work) assertEquals(await ask(client, `work: ${what}`), what);
      }));
    }
    await end(command, ...clients);
    assertEquals(events(command, "worker_exited").filter(({ reason }) => reason !== "exit"), []);
  });

  test("where a fork dies before it is ready, workers are runtimes, and nothing is said", async () => {
    await using command = serve("--model", "process", "--log", "json", "--handler", DIES);
    const [client] = await opened(await command.ready(), 1);
    await client.send("hello");
    assertEquals(await client.receiveText(5), "hello");
    await end(command, client);
    assert(events(command, "worker_started").every(({ forked }) => !forked));
    assertEquals(events(command, "worker_exited").filter(({ reason }) => reason !== "exit"), []);
    assertEquals(events(command, "warning"), []);
  });

  test("--no-fork starts each worker as a runtime", async () => {
    await using command = forking("--no-fork");
    const [client] = await opened(await command.ready(), 1);
    assertEquals(await ask(client, "work: JSON"), "JSON");
    await end(command, client);
    assert(events(command, "worker_started").every(({ forked }) => !forked));
  });

  if (on.name !== "deno") return;

  test("a template that loads slowly does not take the place of a newer one", async () => {
    const folder = await Deno.makeTempDir();
    const handler = `${folder}/handler.ts`;
    const write = (word: string, milliseconds: number) =>
      Deno.writeTextFile(
        handler,
        `Deno.writeTextFileSync("${folder}/${word}", "");
await new Promise((resolve) => setTimeout(resolve, ${milliseconds}));
export const blocking = true;
export default (connection) => connection.write(new TextEncoder().encode("${word}"));
`,
      );
    await write("first", 0);
    await using command = serve(
      ...["--model", "process", "--log", "json", "--handler", handler],
      ...["--max-connections-per-worker", "1"],
    );
    const address = await command.ready();
    const says = async () => {
      const [client] = await opened(address, 1);
      const word = new TextDecoder().decode(await client.receiveAll());
      await client.close();
      return word;
    };
    assertEquals(await says(), "first");
    // One that has lived for a while is replaced at once.
    await new Promise((resolve) => setTimeout(resolve, 2100));
    await write("slow", 2000);
    const before = template(command);
    Deno.kill(before, "SIGKILL");
    await until("it is gone", () => !alive(before));
    const loading = `${folder}/slow`;
    await until("the slow one loads", () => Deno.stat(loading).then(() => true, () => false));
    await write("new", 0);
    command.child.kill("SIGHUP");
    await until("the reload", async () => await says() === "new");
    await new Promise((resolve) => setTimeout(resolve, 2500));
    for (let i = 0; i < 4; i++) assertEquals(await says(), "new");
    await end(command);
    await Deno.remove(folder, { recursive: true });
  });
});
