/** Servers that tell nobody of connections: workers that block are seen, and not heard. */
import { assert, assertEquals } from "@std/assert";
import { type ModelName, serve as api, type ServerEvent } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, greeted, until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

/** Blocks, and does what it is told. */
const FORKED = new URL("../fixtures/handlers/forked.ts", import.meta.url).href;

/** The same, and it may be loaded by the test's own process. */
const FAULTS = new URL("../fixtures/handlers/faults_blocking.ts", import.meta.url).href;

const WAYS: Record<string, string[]> = {
  thread: ["--model", "thread"],
  process: ["--model", "process"],
  "process --no-fork": ["--model", "process", "--no-fork"],
};

await onEachRuntime(({ test, run }) => {
  const serve = (...args: string[]) => run(["serve", "--port", "0", "--log", "none", ...args]);

  for (const [way, args] of Object.entries(WAYS)) {
    test(`serve ${way} --log none has a worker for each client, up to its limit`, async () => {
      const command = serve(...args, "--max-connections", "9", "--spares", "1");
      const address = await command.ready();
      const clients = await Promise.all(Array.from({ length: 9 }, () => greeted(address)));
      const tenth = await Client.open(address);
      await tenth.send("wait");
      await clients.pop()!.close();
      assertEquals(await tenth.receiveText(4), "wait"); // as soon as one has left
      // Silent ones stay, and who comes and goes a hundred times finds a place each time.
      await tenth.close();
      for (let i = 0; i < 100; i++) await visit(address);
      for (const client of clients) {
        await client.send("still");
        assertEquals(await client.receiveText(5), "still");
        await client.close();
      }
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertEquals(command.stderr, "");
    });

    test(`serve ${way} --log none waits at its end for who is there`, async () => {
      const command = serve(...args);
      const address = await command.ready();
      const client = await greeted(address);
      command.child.kill("SIGTERM");
      await until(
        "nobody else is let in",
        () => Client.open(address).then((c) => c.close().then(() => false), () => true),
      );
      await client.send("late");
      assertEquals(await client.receiveText(4), "late");
      await client.close();
      assertEquals(await command.exit(), 0);
    });
  }

  test("SIGKILL of a quiet server's worker breaks its connection, and another takes its place", async () => {
    const command = serve("--model", "process", "--spares", "1", "--handler", FORKED);
    const address = await command.ready();
    const who = async (client: Client): Promise<number> => {
      await client.send("who\n");
      await until("it says who", () => client.received > 20);
      return JSON.parse(await client.receiveText(client.received)).context.id;
    };
    const first = await Client.open(address);
    const other = await Client.open(address);
    const [killed, kept] = [await who(first), await who(other)];
    Deno.kill(killed, "SIGKILL");
    await first.receiveUntilReset();
    assertEquals(await who(other), kept);
    const newcomer = await Client.open(address);
    assert(![killed, kept].includes(await who(newcomer)));
    await end(command, first, other, newcomer);
  });
});

for (const model of Object.keys(MODELS) as ModelName[]) {
  Deno.test(`${model}: with quiet, events tell only of what goes wrong`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await api({ model, port: 0, spares: 1, quiet: true, onEvent }, FAULTS);
    for (const what of ["nothing", "throws"]) {
      const client = await Client.open(server.addr);
      await client.send(what);
      client.halfClose();
      await until("it has ended", () => client.ended || client.closed);
      await client.close();
    }
    await until("it is told", () => events.some(({ type }) => type === "closed"));
    await server.shutdown();
    const ends = events.filter(({ type }) => type === "accepted" || type === "closed");
    assertEquals(ends.map((event) => "reason" in event && event.reason), ["error"]);
  });
}

for (const model of ["thread", "process"] as const) {
  Deno.test(`${model}: with quiet, whom a shutdown ends is told of and counted`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const spread = { drainSpread: 50, shutdownTimeout: 100 };
    const server = await api({ model, port: 0, quiet: true, onEvent, ...spread });
    const clients = await Promise.all([1, 2, 3].map(() => greeted(server.addr)));
    await server.shutdown();
    for (const client of clients) await client.close();
    const ends = events.flatMap((event) => event.type === "closed" ? [event.reason] : []);
    assertEquals(ends, ["shutdown", "shutdown", "shutdown"]);
    const told = events.find(({ type }) => type === "shutdown_timeout");
    assertEquals(told && "ended" in told && told.ended, 3);
  });
}

Deno.test("thread: with quiet, whom close() ends is told of, whatever its handler says", async () => {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent) => void events.push(event);
  const path = `${Deno.makeTempDirSync()}/socket`;
  const server = await api({ model: "thread", path, quiet: true, onEvent }, FORKED);
  const client = await Client.open(server.addr);
  await client.send("who\n");
  await until("it has a worker", () => client.received > 0);
  await server.close(); // its handler sees the client's end, and returns
  await client.close();
  const ends = events.flatMap((event) => event.type === "closed" ? [event.reason] : []);
  assertEquals(ends, ["shutdown"]);
});
