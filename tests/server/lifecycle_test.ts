/** How a server starts and ends, and what it leaves behind. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ModelName, serve, type ServerEvent, SystemError } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { openDescriptors, testAlone } from "../tools/alone.ts";
import { Client, greeted, until, within } from "../tools/client.ts";
import { Command } from "../tools/command.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);
const NAMES = Object.keys(MODELS) as ModelName[];

for (const model of NAMES) {
  testAlone(import.meta.url, `${model}: servers that come and go leave no descriptor`, async () => {
    const once = async () => {
      const server = await serve({ model, port: 0, spares: 2 }, ECHO);
      const client = await greeted(server.addr);
      await client.send("bye");
      await client.receiveAll();
      await client.close();
      await within("the end", server.shutdown());
    };
    await once();
    const before = openDescriptors();
    for (let i = 0; i < 2; i++) await once();
    await until(`${before} descriptors again`, () => openDescriptors() <= before);
  });

  Deno.test(`${model}: an aborted signal shuts down, also one that was aborted before`, async () => {
    const controller = new AbortController();
    const server = await serve({ model, port: 0, spares: 2, signal: controller.signal }, ECHO);
    const client = await greeted(server.addr);
    controller.abort();
    await client.send("more");
    assertEquals(await client.receiveText(4), "more");
    await client.close();
    await within("the end", server.finished);

    const { signal } = controller;
    if (MODELS[model].where === "main") {
      await within("the end", (await serve({ model, port: 0, spares: 2, signal }, ECHO)).finished);
    } else {
      const { code } = await assertRejects(
        () => serve({ model, port: 0, spares: 2, signal }, ECHO),
        SystemError,
      );
      assertEquals(code, "ECANCELED");
    }
  });

  Deno.test(`${model}: shutdown and close may be called twice and in any order`, async () => {
    for (const calls of [["shutdown", "close"], ["close", "shutdown"], ["shutdown", "shutdown"]]) {
      const server = await serve({ model, port: 0, spares: 2 }, ECHO);
      await within("the end", Promise.all(calls.map((call) => server[call as "close"]())));
    }
    await (await serve({ model, port: 0, spares: 2 }, ECHO))[Symbol.asyncDispose]();
  });

  Deno.test(`${model}: what is open after shutdownTimeout is ended, and reported so`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await serve({ model, port: 0, spares: 2, shutdownTimeout: 100, onEvent }, ECHO);
    const client = await greeted(server.addr);
    const began = Date.now();
    await within("the end", server.shutdown());
    await client.receiveAll().catch(() => {}); // FIN or RST, as the model can
    await client.close();
    const closed = events.filter((event) => event.type === "closed");
    assertEquals(closed.map(({ reason }) => reason), ["shutdown"]);
    const timeouts = events.filter((event) => event.type === "shutdown_timeout");
    assertEquals(timeouts.map(({ ended }) => ended), [1]);
    assert(timeouts[0].time - began >= 99, "it was ended early"); // clocks round
    // A blocked thread was woken, not terminated.
    assert(!events.some(({ type }) => type === "worker_stuck"));
  });

  Deno.test(`serve --model ${model} ended while it starts leaves no Unix socket's file`, async () => {
    const folder = await Deno.makeTempDir();
    for (const wait of [100, 300]) {
      await using command = new Command(["serve", "--model", model, "--unix", `${folder}/socket`]);
      await new Promise((resolve) => setTimeout(resolve, wait));
      command.child.kill("SIGTERM");
      await command.exit();
      assertEquals([...Deno.readDirSync(folder)].length, 0, `after ${wait} ms`);
      assertEquals(/^ +at /m.test(command.stderr), false, command.stderr); // no stack trace
    }
    await Deno.remove(folder);
  });
}

Deno.test("a handler that closes the server itself loses no connection's end", async () => {
  const events: ServerEvent[] = [];
  const closing = Promise.withResolvers<void>();
  const server = await serve(
    { port: 0, onEvent: (event) => events.push(event) },
    async (connection) => {
      await connection.read(new Uint8Array(8));
      server.close().then(closing.resolve);
      await new Promise(() => {});
    },
  );
  const client = await Client.open(server.addr);
  await client.send("close");
  await within("the end", closing.promise);
  assertEquals(events.map(({ type }) => type), ["listening", "accepted", "shutdown", "closed"]);
  await client.receiveUntilReset();
});

for (const model of ["thread", "process"] as const) {
  Deno.test(`${model}: a client that waits in a Unix socket's queue is told at shutdown`, async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    const server = await serve({ model, path, maxConnections: 1 }, ECHO);
    const busy = await Client.open(server.addr);
    await busy.send("x");
    await busy.receive(1);
    const waiting = await Client.open(server.addr);
    const finished = server.shutdown();
    await until("it is told", () => waiting.ended || waiting.error !== null);
    await busy.send("still bye");
    assertEquals((await busy.receiveAll()).length, 6);
    for (const client of [busy, waiting]) await client.close();
    await finished;
    await Deno.remove(folder, { recursive: true });
  });
}
