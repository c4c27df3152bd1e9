import { assertEquals, assertRejects } from "@std/assert";
import { connect, type ModelName, serve, type ServerEvent, SystemError } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

const THROWING = new URL("../servers/throwing_listener.ts", import.meta.url).pathname;
for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: a listener that throws keeps no server from its end`, async () => {
    const command = new Command([], { program: [...run, THROWING] });
    assertEquals(await command.exit(), 0, command.stderr);
    assertEquals(command.stdout, "finished, 2 thrown\n");
  });
}

for (const model of Object.keys(MODELS) as ModelName[]) {
  Deno.test(`${model}: a listener of events that throws harms no client`, async () => {
    const errors: string[] = [];
    const listener = (event: ErrorEvent) => {
      event.preventDefault();
      errors.push(event.message);
    };
    addEventListener("error", listener);
    const server = await serve({
      model,
      port: 0,
      onEvent: ({ type }) => {
        if (type === "accepted" || type === "closed") throw new Error("from onEvent");
      },
    }, ECHO);
    for (let i = 0; i < 2; i++) {
      await visit(server.addr);
    }
    await within("the end", server.shutdown());
    removeEventListener("error", listener);
    assertEquals(errors.length, 4);
  });

  Deno.test(`${model}: serve rejects when onListen throws, and the port is free again`, async () => {
    let port = 0;
    await assertRejects(
      () =>
        serve({
          model,
          port: 0,
          onListen: (addr) => {
            if (addr.transport === "tcp") port = addr.port;
            throw new Error("from onListen");
          },
        }, ECHO),
      Error,
      "from onListen",
    );
    const error = await assertRejects(
      () => connect({ transport: "tcp", hostname: "127.0.0.1", port }),
      SystemError,
    );
    assertEquals(error.code, "ECONNREFUSED");
  });

  Deno.test(`${model}: a host that is no address is refused`, async () => {
    for (const hostname of ["0.0.0.256", ":::"]) {
      await assertRejects(() => serve({ model, port: 0, hostname }, ECHO), Error, hostname);
    }
  });

  Deno.test(`${model}: IPv6 is served and named`, async () => {
    const server = await serve({ model, port: 0, hostname: "::1" }, ECHO);
    assertEquals((server.addr as { hostname: string }).hostname, "::1");
    await visit(server.addr);
    await server.shutdown();
  });
}

Deno.test("a handler that closes the server itself loses no connection's end", async () => {
  const events: ServerEvent[] = [];
  const closing = Promise.withResolvers<void>();
  const server = await serve({ port: 0, onEvent: (event) => events.push(event) }, async () => {
    server.close().then(closing.resolve);
    await new Promise(() => {});
  });
  const client = await Client.open(server.addr);
  await within("the end", closing.promise);
  assertEquals(events.map(({ type }) => type), ["listening", "accepted", "shutdown", "closed"]);
  await until("the client's end", () => client.ended || client.error !== null);
  await client.close();
});

for (const model of ["thread", "process"] as const) {
  Deno.test(`${model}: who waits in a Unix socket's queue is told at shutdown`, async () => {
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

Deno.test("multiplex: a thread that was held up reads what came before it calls a client idle", async () => {
  const server = await serve({ model: "multiplex", port: 0, idleTimeout: 200 }, ECHO);
  const client = await Client.open(server.addr);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  client.socket.write("again"); // it is in the kernel when this returns
  for (const end = performance.now() + 400; performance.now() < end;);
  assertEquals(await client.receiveText(5), "again");
  await until("it is idle then", () => client.ended);
  await client.close();
  await server.shutdown();
});
