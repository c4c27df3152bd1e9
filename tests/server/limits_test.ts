/** Limits, seen from outside. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ModelName, serve, type ServeOptions, type ServerEvent } from "../../mod.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

await onEachRuntime(({ on, test, run }) => {
  const serve = (...args: string[]) => run(["serve", "--port", "0", ...args]);

  for (
    const name of on.name === "deno"
      ? Object.keys(WAYS)
      : ["thread", "process", "process --no-fork"]
  ) {
    test(`serve ${name} refuses whoever is too many, and lets in whoever comes when one has left`, async () => {
      await using command = serve(
        ...WAYS[name],
        ...["--max-connections", "3", "--over-limit", "refuse"],
        ...["--max-connections-per-source", "2"],
      );
      const address = await command.ready();
      const open: Client[] = [];
      /** Whether it is served; if it is not, it has been closed. */
      const served = async (from: string) => {
        const client = await Client.open(address, from);
        client.send("hello").catch(() => {});
        await until(
          "it is answered or closed",
          () => client.received > 0 || client.ended || client.closed,
        );
        if (client.received > 0) open.push(client);
        else await client.close();
        return client.received > 0;
      };
      const lines = () => command.log.split("\n").filter((line) => line.startsWith("- ")).length;
      assert(await served("127.0.0.1"));
      assert(await served("127.0.0.1"));
      assert(!await served("127.0.0.1"), "a third from one address");
      assert(await served("127.0.0.2"));
      assert(!await served("127.0.0.3"), "a fourth");
      await open.shift()!.close();
      await until("its end is told", () => lines() === 1);
      assert(await served("127.0.0.1"), "when one has left");
      const begin = performance.now();
      for (let i = 0; i < 50; i++) assert(!await served("127.0.0.3"));
      const seconds = (performance.now() - begin) / 1000;
      for (const client of open) await client.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertMatch(
        command.log,
        /refused 127\.0\.0\.1:\d+: too many connections from its address/,
      );
      const floods = command.log.split("\n").filter((line) =>
        line.endsWith("too many connections")
      );
      const count = floods.reduce(
        (sum, line) => sum + 1 + Number(/and (\d+) more/.exec(line)?.[1] ?? 0),
        0,
      );
      assertEquals(count, 51);
      // The fourth's line, one a second, and what waits at the end.
      assert(floods.length <= seconds + 4, floods.join("\n"));
    });
  }

  test(`serve iterative refuses whoever comes while it has a client`, async () => {
    await using command = serve("--model", "iterative", "--over-limit", "refuse");
    const address = await command.ready();
    const talk = async () => {
      const client = await Client.open(address);
      await client.send("hello");
      assertEquals(await client.receiveText(5), "hello");
      return client;
    };
    const first = await talk();
    const second = await Client.open(address);
    await until("it is closed", () => second.ended || second.closed);
    assertEquals(second.received, 0);
    await second.close();
    await first.close();
    await until("the first one's end is told", () => /^- /m.test(command.log));
    await (await talk()).close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.stderr, /refused 127\.0\.0\.1:\d+: too many connections$/m);
  });
});

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

for (
  const options of [
    { model: "thread" },
    { model: "process" },
    { model: "process", handOver: true },
  ] as ServeOptions[]
) {
  const name = options.handOver ? "process, handed over" : options.model;
  Deno.test(`${name}: maxConnectionsPerWorker 1 gives each connection a new worker`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const once = { port: 0, maxConnectionsPerWorker: 1, spares: 1, onEvent };
    const server = await serve({ ...options, ...once }, ECHO);
    for (let i = 0; i < 4; i++) {
      await visit(server.addr);
    }
    await within("the end", server.shutdown());
    const workers = events.filter((event) => event.type === "accepted").map((e) => e.worker.id);
    assertEquals([workers.length, new Set(workers).size], [4, 4]);
    const ends = events.filter((event) => event.type === "worker_exited").map((e) => e.reason);
    assertEquals(new Set(ends), new Set(["exit"]));
  });
}

for (const model of ["multiplex", "thread", "process"] as ModelName[]) {
  Deno.test(`${model}: connectionTimeout ends a connection on which bytes move`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await serve(
      { model, port: 0, spares: 1, connectionTimeout: 300, idleTimeout: 60_000, onEvent },
      ECHO,
    );
    const closed = () => events.filter((event) => event.type === "closed");
    // Again if the machine pauses for so long that no byte moves on it.
    do {
      const count = closed().length;
      const client = await Client.open(server.addr);
      while (!client.ended && !client.closed) {
        client.send("x").catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await client.close();
      await until("it is told", () => closed().length > count);
      const last = closed().at(-1)!;
      assertEquals(last.reason, "timeout");
      assert(last.milliseconds >= 290, JSON.stringify(last));
    } while (closed().at(-1)!.bytesRead === 0);
    await within("the end", server.shutdown());
  });
}

Deno.test("multiplex: a thread that was held up reads what came before it calls a client idle", async () => {
  const server = await serve({ model: "multiplex", port: 0, idleTimeout: 1500 }, ECHO);
  const client = await Client.open(server.addr);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  client.socket.write("again"); // it is in the kernel when this returns
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
  assertEquals(await client.receiveText(5), "again");
  await until("it is idle then", () => client.closed);
  await client.close();
  await server.shutdown();
});
