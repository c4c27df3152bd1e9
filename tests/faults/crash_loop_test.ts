/** Workers that cannot be replaced: no storm of starts, and the good ones go on. */
import { assert, assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const handler = (atLoad: string) =>
  `import process from "node:process";
${atLoad}
export default async (connection) => {
  const buffer = new Uint8Array(100);
  for (let n; (n = await connection.read(buffer)) !== null;) {
    await connection.write(buffer.slice(0, n));
  }
};`;

const BROKEN: Record<string, [atLoad: string, said: RegExp]> = {
  "crashes as it is loaded": ["process.exit(7);", /exit code 7/],
  "cannot be loaded any more": ["import './no_such_module.ts';", /could not start: Cannot load/],
};

// Bun's processes start so fast that only the supervisor's patience slows them down.
const { run } = await target("bun");

for (const [what, [atLoad, said]] of Object.entries(BROKEN)) {
  Deno.test(`process: a handler that ${what} leaves the good workers in place`, async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/handler.ts`;
    await Deno.writeTextFile(file, handler(""));
    await using command = new Command([
      ...["serve", "--model", "process", "--port", "0", "--log", "json", "--spares", "3"],
      ...["--handler", file],
    ], { program: [...run, CLI] });
    const address = await command.ready();
    const events = () => command.stderr.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    // The first one leaves when others are there, as it could have been forked and is not.
    const pids = () => {
      const those = (wanted: string): number[] =>
        events().filter(({ type }) => type === wanted).map(({ worker }) => worker.id);
      const gone = those("worker_exited");
      return those("worker_started").filter((pid) => !gone.includes(pid));
    };
    const asks = async (client: Client) => {
      await client.send("hello");
      assertEquals(await client.receiveText(5), "hello");
    };
    const left = () => events().some(({ type }) => type === "worker_exited");
    await until("three workers that stay", () => left() && pids().length === 3);
    const good = await Client.open(address);
    await asks(good);
    const busy = () => events().find(({ type }) => type === "accepted")?.worker.id;
    await until("who has it", () => busy() !== undefined);
    await until("its successor", () => pids().length === 4);

    await Deno.writeTextFile(file, handler(atLoad));
    const before = events().length;
    const begin = performance.now();
    const [first, second] = pids().filter((pid) => pid !== busy());
    Deno.kill(first, "SIGKILL");
    Deno.kill(second, "SIGKILL");
    const failures = () =>
      events().slice(before).filter(({ reason }) => said.test(reason ?? "")).length;
    // Each round starts what is missing, two, and comes twice as late as the one before.
    await until("four rounds", () => failures() >= 8);
    assert(performance.now() - begin > 100 + 200 + 400 + 800, "four rounds came too soon");
    await asks(good);
    const idle = await Client.open(address); // the third of the spares
    await asks(idle);

    await Deno.writeTextFile(file, handler(""));
    const started = pids().length;
    await until("new workers", () => pids().length > started);
    const next = await Client.open(address);
    await asks(next);
    for (const client of [good, idle, next]) await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    await Deno.remove(folder, { recursive: true });
  });
}
