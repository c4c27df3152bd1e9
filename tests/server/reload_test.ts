/** SIGHUP and reload(): new workers with the handler as it is now, and no client lost. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type ModelName, serve, type ServerEvent } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { alive, CLI, Command, descendants } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const NAMES = Object.keys(MODELS) as ModelName[];
/** Pairs that differ in how a worker is told to leave and loads its modules; all nine were tried. */
const WAYS = [
  ["deno", "thread"],
  ["deno", "process"],
  ["deno", "process", "--no-fork"],
  ["deno", "process", "--hand-over"],
  ["bun", "thread"],
  ["bun", "process"],
  ["node", "process"],
  ["deno", "multiplex", "--workers", "2"],
] as const;

/** A handler that says a word, and then echoes; its processes are forked. */
const says = (word: string) =>
  `export const blocking = true;
export default async (connection) => {
  await connection.write(new TextEncoder().encode("${word}"));
  const buffer = new Uint8Array(100);
  for (let n; (n = await connection.read(buffer)) !== null;) {
    await connection.write(buffer.slice(0, n));
  }
};`;

async function withHandler(run: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/handler.ts`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The word that a client is greeted with. */
async function greeting(address: Awaited<ReturnType<Command["ready"]>>): Promise<string> {
  const client = await Client.open(address);
  const word = await client.receiveText(3);
  client.halfClose();
  assertEquals((await client.receiveAll()).length, 0);
  await client.close();
  return word;
}

for (const [name, ...way] of WAYS) {
  const on = await target(name);
  Deno.test(`${name}: SIGHUP under ${way.join(" ")} replaces all workers and loses no client`, () =>
    withHandler(async (file) => {
      await Deno.writeTextFile(file, says("one"));
      await using command = new Command(
        ["serve", "--port", "0", "--spares", "2", "--handler", file, "--model", ...way],
        { program: [...on.run, CLI] },
      );
      const address = await command.ready();
      const stays = await Client.open(address);
      assertEquals(await stays.receiveText(3), "one");

      const words: string[] = [];
      const lost: unknown[] = [];
      let going = true;
      const stream = Promise.all([1, 2].map(async () => {
        while (going && lost.length === 0) {
          await greeting(address).then((word) => words.push(word), (error) => lost.push(error));
        }
      }));
      await until("some clients", () => words.length >= 20);

      await Deno.writeTextFile(file, "export default 'no function';");
      command.child.kill("SIGHUP");
      await until("the refusal", () => command.stderr.includes("not reloaded"));
      assertMatch(command.stderr, /not reloaded.*its default export must be a function/);
      assertEquals(await greeting(address), "one");

      await Deno.writeTextFile(file, says("two"));
      command.child.kill("SIGHUP");
      await until("the reload", () => command.log.includes("\nreloaded"));
      for (let i = 0; i < 10; i++) assertEquals(await greeting(address), "two");
      going = false;
      await stream;
      assertEquals(lost, []);
      assert(words.includes("one") && words.includes("two"));

      await stays.send("still here");
      assertEquals(await stays.receiveText(10), "still here");
      await stays.close();
      console.log(`    ${words.length} clients, none lost`);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    }));
}

for (const name of ["deno", "bun", "node"] as const) {
  const on = await target(name);
  Deno.test(`${name}: 40 SIGHUPs in a row end nothing and lose nobody`, () =>
    withHandler(async (file) => {
      await Deno.writeTextFile(file, says("one"));
      await using command = new Command(
        ["serve", "--port", "0", "--spares", "1", "--model", "process", "--handler", file],
        { program: [...on.run, CLI] },
      );
      const address = await command.ready();
      await Deno.writeTextFile(file, says("two"));
      for (let n = 0; n < 40; n++) {
        command.child.kill("SIGHUP");
        if (n % 4 === 0) await greeting(address);
      }
      await until("the new handler", async () => await greeting(address) === "two");
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assert(!command.stderr.includes("nobody handled"), command.stderr);
    }));
}

for (const model of NAMES.filter((name) => MODELS[name].where === "main")) {
  Deno.test(`serve --model ${model} says at SIGHUP what to do, and goes on`, async () => {
    await using command = new Command(["serve", "--port", "0", "--model", model]);
    const address = await command.ready();
    command.child.kill("SIGHUP");
    await until("a line", () => command.stderr.includes("not reloaded"));
    assertMatch(command.log, /^! not reloaded.*start the server anew.*\n$/m);
    await visit(address);
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });

  Deno.test(`${model}: reload() rejects`, async () => {
    const server = await serve({ model, port: 0 });
    await assertRejects(() => server.reload(), Error, "Cannot reload");
    await server.close();
  });
}

Deno.test("process: reload() keeps to maxConnections, and rejects once the server stops", () =>
  withHandler(async (file) => {
    await Deno.writeTextFile(file, says("one"));
    const server = await serve({ model: "process", port: 0, maxConnections: 1 }, file);
    await Deno.writeTextFile(file, says("two"));
    await within("the reload", server.reload());
    assertEquals(await greeting(server.addr as never), "two");

    const client = await Client.open(server.addr);
    await client.receive(3);
    await within("the reload", server.reload()); // it leaves after its connection
    await client.close();
    assertEquals(await greeting(server.addr as never), "two");
    const late = server.reload().then(() => "reloaded", (error) => error.code);
    await server.close();
    assertEquals(await late, "ECANCELED");
    await assertRejects(() => server.reload(), Error, "stopped");
  }));

Deno.test("process: reloads that are asked for while one runs are one, and are told once", async () => {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent) => void events.push(event);
  const server = await serve({ model: "process", port: 0, spares: 1, onEvent });
  const count = (type: ServerEvent["type"]) => events.filter((event) => event.type === type).length;
  const reloads = [server.reload()];
  // It has begun by then, and to start a worker takes many turns.
  await new Promise((resolve) => setTimeout(resolve, 0));
  for (let i = 0; i < 20; i++) reloads.push(server.reload());
  await within("the reloads", Promise.all(reloads));
  assertEquals(count("reloaded"), 2);
  await visit(server.addr);
  await server.shutdown();
});

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: SIGHUP because the terminal closed is SIGTERM`, async () => {
    await using command = new Command([
      "-qec",
      [...run, CLI, "serve", "--port", "0"].join(" "),
      "/dev/null",
    ], {
      program: ["script"],
    });
    const line = /listening on .*:(\d+)\s/;
    await until("the ready line", () => line.test(command.stdout));
    const port = Number(line.exec(command.stdout)![1]);
    const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
    const server = descendants(command.child.pid).at(-1)!;
    const client = await Client.open(address);
    await client.send("hello");
    await client.receive(5);
    command.child.kill("SIGKILL"); // it holds the terminal's other end
    const refused = () =>
      Client.open(address).then((late) => late.close().then(() => false), () => true);
    await until("newcomers are refused", refused);
    await client.send("still");
    assertEquals(await client.receiveText(5), "still");
    await client.close();
    await until("the server's end", () => !alive(server));
    await command.exit();
  });
}
