/** Fewer descriptors than clients want. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until, visit } from "../tools/client.ts";
import { CLI, Command, descendants, ticks } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { type Target, target } from "../tools/targets.ts";
import { WAYS } from "../tools/ways.ts";

/** How long a loop is watched, whether it spins, in milliseconds. */
const LOOK = 700;

/** Milliseconds of CPU time that a server and its workers have used. */
function cpuTime(command: Command): number {
  return 10 * ticks([command.child.pid, ...descendants(command.child.pid)]);
}

/** A server that may have so many descriptors. */
function serveWithin(on: Target, descriptors: number, ...args: string[]): Command {
  const limited = `ulimit -n ${descriptors}; exec "$0" "$@"`;
  return new Command(["serve", "--port", "0", ...args], {
    program: ["bash", "-c", limited, ...on.run, CLI],
  });
}

/** Waits until it neither computes nor writes much, now that nothing can be done. */
async function isCalm(command: Command): Promise<void> {
  const lines = () => command.log.split("\n").filter((line) => line.startsWith("!")).length;
  await until("it uses less than a fifth of a core and writes few lines", async () => {
    const [before, written] = [cpuTime(command), lines()];
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    return cpuTime(command) - before < LOOK / 5 && lines() - written < 10;
  });
}

await onEachRuntime(({ on, test }) => {
  for (const name of on.name === "deno" ? ["multiplex", "process --hand-over"] : ["multiplex"]) {
    // The others wait in the main process.
    const few = name.endsWith("--hand-over") ? ["--max-connections", "4"] : [];
    test(`serve ${name} with more clients than descriptors stays calm, and recovers`, async () => {
      await using command = serveWithin(on, 240, ...WAYS[name], ...few);
      const address = await command.ready();
      const clients: Client[] = [];
      command.child.kill("SIGSTOP"); // so that they come all at once
      for (let i = 0; i < 300; i++) clients.push(await Client.open(address));
      for (const client of clients) client.send("hello").catch(() => {});
      command.child.kill("SIGCONT");
      await until("some are served", () => clients.some((client) => client.received > 0));
      await isCalm(command);
      // Bun and Node accept on their own; Deno lets them wait in the kernel's queue.
      const refuses = on.name !== "deno";
      const told = () => command.stderr.includes("too few descriptors are left");
      if (refuses) await until("it is told", told);
      await Promise.all(clients.map((client) => client.close()));
      // Those who have left may stand in the queue for another moment.
      await until("it serves again", () => visit(address).then(() => true, () => false));
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertEquals(told(), refuses);
    });
  }

  test(`serve says at the start that there are too few descriptors`, async () => {
    await using command = serveWithin(on, 240, "--model", "multiplex", "--max-connections", "1000");
    await command.ready();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.log, /^! no more than 176 connections at once, .*ulimit -n$/m);
  });

  test("serve --model thread takes as many clients as descriptors allow, and stays", async () => {
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        `ulimit -n 120; exec ${on.run.join(" ")} "${CLI}" serve --model thread --port 0`,
      ],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await reader.read()).value!.trim().split(":")[1]);
    const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
    const clients = await Promise.all(Array.from({ length: 30 }, () => Client.open(address)));
    await Promise.all(clients.map((client) => client.send("x")));
    const answered = () => clients.filter((client) => client.received === 1);
    await until("7 are answered", () => answered().length === 7);
    for (const client of answered()) {
      await client.send("bye");
      await client.receiveAll();
      await client.close();
    }
    await until("the next 7 are answered", () => answered().length >= 7);
    for (const client of clients) await client.close();
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
    await reader.cancel();
  });
});

const deno = await target("deno");
const HOARDS = new URL("../fixtures/handlers/hoards.ts", import.meta.url);

for (const model of ["multiplex", "thread", "process"]) {
  Deno.test(`serve --model ${model} whose handler takes all descriptors stays calm, and recovers`, async () => {
    const args = ["--model", model, "--verbose", "--spares", "3", "--handler", HOARDS.href];
    await using command = serveWithin(deno, 300, ...args);
    const address = await command.ready();
    const ready = () => command.stderr.match(/ is ready$/mg)?.length ?? 0;
    if (model !== "multiplex") await until("all workers are ready", () => ready() >= 3);
    const say = async (client: Client, text: string) => {
      await client.send(text);
      assertEquals(await client.receiveText(text.length), text);
    };
    const hoarder = await Client.open(address);
    await say(hoarder, "hello");
    // Deno panics where a handler takes all descriptors while a thread starts (2.9), and
    // the one in the place of the hoarder's is starting: docs/operations.md says so.
    if (model !== "multiplex") await until("the spare one is ready", () => ready() >= 4);
    await say(hoarder, "fill");
    const clients: Client[] = [];
    for (let i = 0; i < 5; i++) clients.push(await Client.open(address));
    for (const client of clients) await client.send("hello");
    if (model === "process") { // its own descriptors are all that it can take
      await until("they are served", () => clients.every((client) => client.received === 5));
    } else {
      await until("it is told", () => command.stderr.includes("EMFILE"));
      await isCalm(command);
      assert(clients.every((client) => !client.ended && !client.closed), "nobody is lost");
      await say(hoarder, "free");
      await until("they are served", () => clients.every((client) => client.received === 5));
    }
    for (const client of [hoarder, ...clients]) await client.close();
    const late = await Client.open(address);
    await say(late, "hello");
    await late.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });
}
