/** Listeners of events that throw, or that take their time. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, type ModelName, serve, type ServerEvent, SystemError } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { visit, within } from "../tools/client.ts";
import { alive, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

const THROWING = new URL("../fixtures/servers/throwing_listener.ts", import.meta.url).pathname;
for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: a listener that throws keeps no server from its end`, async () => {
    await using command = new Command([], { program: [...run, THROWING] });
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
      spares: 1,
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
          spares: 1,
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
}

const WAYS = {
  thread: { model: "thread" },
  "process, shared": { model: "process" },
  "process, handed over": { model: "process", handOver: true },
} as const;

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test(`${name}: a slow listener loses messages, which are counted, and no end`, async () => {
    const events: ServerEvent[] = [];
    let messages = 0;
    const server = await serve({
      ...way,
      port: 0,
      spares: 1,
      messages: true,
      onEvent(event) {
        if (event.type !== "message") return void events.push(event);
        // The first takes until the client has sent all of them; the client must not notice.
        if (messages++ === 0) { while (alive(client.pid)) Atomics.wait(never, 0, 0, 10); }
      },
    }, ECHO);
    const never = new Int32Array(new SharedArrayBuffer(4));
    const client = new Deno.Command(Deno.execPath(), {
      args: ["eval", CLIENT, String((server.addr as { port: number }).port)],
    }).spawn();
    assertEquals((await within("the client's end", client.status)).code, 0);
    await within("the end", server.shutdown(), 60_000);
    const closed = events.filter((event) => event.type === "closed");
    const dropped = events.filter((event) => event.type === "dropped");
    assertEquals(closed.map(({ reason, bytesRead }) => [reason, bytesRead]), [
      ["handler", MESSAGES * LENGTH + 3],
    ]);
    const lost = dropped.reduce((sum, { count }) => sum + count, 0);
    assertEquals(messages + lost, MESSAGES + 1); // and the bye
    assert(lost > 0, "nothing was lost, however many waited");
  });
}

/** Far more than may wait unread. */
const MESSAGES = 10_000;
/** Of each; short enough to be read at once. */
const LENGTH = 200;
const CLIENT = `
const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
const message = new Uint8Array(${LENGTH}).fill(120);
const buffer = new Uint8Array(${LENGTH});
for (let i = 0; i < ${MESSAGES}; i++) {
  await conn.write(message);
  for (let n = 0; n < ${LENGTH};) n += await conn.read(buffer);
}
await conn.write(new TextEncoder().encode("bye"));
await conn.read(buffer);
conn.close();
`;
