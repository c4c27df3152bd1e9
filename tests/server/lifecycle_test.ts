/** How a server starts and ends, and what it leaves behind. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Address, type ModelName, serve, type ServerEvent, SystemError } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, within } from "../tools/client.ts";
import { alive, Command } from "../tools/command.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);
const NAMES = Object.keys(MODELS) as ModelName[];
const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

async function greeted(server: { readonly addr: Address }): Promise<Client> {
  const client = await Client.open(server.addr);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  return client;
}

/** Each way to accept, with what it takes beside the model. */
const ACCEPTING: [ModelName, { workers?: number }][] = [
  ...NAMES.map((model): [ModelName, { workers?: number }] => [model, {}]),
  ["multiplex", { workers: 2 }],
];
for (const [model, options] of ACCEPTING) {
  Deno.test(`${model} ${JSON.stringify(options)}: localAddr is what the client called, also of a server on any address`, async () => {
    const handler = new URL("../handlers/tells_local.ts", import.meta.url);
    const hosts = [
      ["0.0.0.0", "127.0.0.3", "127.0.0.3"],
      ["127.0.0.2", "127.0.0.2", "127.0.0.2"],
      ["::", "::1", "::1"],
      ["::ffff:0.0.0.0", "127.0.0.4", "::ffff:127.0.0.4"],
    ];
    for (const [hostname, called, seen] of hosts) {
      const server = await serve({ model, port: 0, hostname, ...options }, handler);
      const { port } = server.addr as { port: number };
      const client = await Client.open({ transport: "tcp", hostname: called, port });
      assertEquals(new TextDecoder().decode(await client.receiveAll()), `${seen} ${port}`);
      await client.close();
      await within("the end", server.shutdown());
    }
  });
}

for (const model of NAMES) {
  Deno.test(`${model}: servers that come and go leave no descriptor`, async () => {
    const once = async () => {
      const server = await serve({ model, port: 0 }, ECHO);
      const client = await greeted(server);
      await client.send("bye");
      await client.receiveAll();
      await client.close();
      await within("the end", server.shutdown());
    };
    await once();
    const before = descriptors();
    for (let i = 0; i < 2; i++) await once();
    await until(`${before} descriptors again`, () => descriptors() <= before);
  });

  Deno.test(`${model}: an aborted signal shuts down, also one that was aborted before`, async () => {
    const controller = new AbortController();
    const server = await serve({ model, port: 0, signal: controller.signal }, ECHO);
    const client = await greeted(server);
    controller.abort();
    await client.send("more");
    assertEquals(await client.receiveText(4), "more");
    await client.close();
    await within("the end", server.finished);

    const { signal } = controller;
    if (MODELS[model].where === "main") {
      await within("the end", (await serve({ model, port: 0, signal }, ECHO)).finished);
    } else {
      const { code } = await assertRejects(
        () => serve({ model, port: 0, signal }, ECHO),
        SystemError,
      );
      assertEquals(code, "ECANCELED");
    }
  });

  Deno.test(`${model}: shutdown and close may be called twice and in any order`, async () => {
    for (const calls of [["shutdown", "close"], ["close", "shutdown"], ["shutdown", "shutdown"]]) {
      const server = await serve({ model, port: 0 }, ECHO);
      await within("the end", Promise.all(calls.map((call) => server[call as "close"]())));
    }
    await (await serve({ model, port: 0 }, ECHO))[Symbol.asyncDispose]();
  });

  Deno.test(`${model}: what is open after shutdownTimeout is ended, and reported so`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await serve({ model, port: 0, shutdownTimeout: 100, onEvent }, ECHO);
    const client = await greeted(server);
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
      const command = new Command(["serve", "--model", model, "--unix", `${folder}/socket`]);
      await new Promise((resolve) => setTimeout(resolve, wait));
      command.child.kill("SIGTERM");
      await command.exit();
      assertEquals([...Deno.readDirSync(folder)].length, 0, `after ${wait} ms`);
      assertEquals(command.stderr.includes(" at "), false, command.stderr); // no stack trace
    }
    await Deno.remove(folder);
  });

  Deno.test(`serve --model ${model} colours nothing where there is no terminal`, async () => {
    const command = new Command(["serve", "--model", model, "--port", "0"], {
      env: { NO_COLOR: "" },
    });
    const client = await greeted({ addr: await command.ready() });
    await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertMatch(command.stderr, /^\+ /m);
    assert(!command.stderr.includes("\x1b"));
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
      messages: true,
      onEvent(event) {
        if (event.type !== "message") return void events.push(event);
        // The first takes until the client, which must not notice, has sent all.
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
      ["handler", MESSAGES * 400 + 3],
    ]);
    const lost = dropped.reduce((sum, { count }) => sum + count, 0);
    assertEquals(messages + lost, MESSAGES + 1); // and the bye
    assert(lost > 0, "nothing was lost, however many waited");
  });
}

/** Far more than may wait unread. */
const MESSAGES = 10_000;
const CLIENT = `
const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
const message = new Uint8Array(400).fill(120);
const buffer = new Uint8Array(400);
for (let i = 0; i < ${MESSAGES}; i++) {
  await conn.write(message);
  for (let n = 0; n < 400;) n += await conn.read(buffer);
}
await conn.write(new TextEncoder().encode("bye"));
await conn.read(buffer);
conn.close();
`;

Deno.test("serve says which permission it needs", async () => {
  const command = new Command(["serve", "--port", "0"], { flags: ["--no-prompt", "--allow-read"] });
  assertEquals(await command.exit(), 1);
  assertMatch(command.stderr, /^trivet: .*--allow-net.*\n$/);
});
