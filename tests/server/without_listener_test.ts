/** What a program without `onEvent` writes to standard error. */
import { assertEquals } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const PROGRAM = new URL("../fixtures/servers/without_listener.ts", import.meta.url).pathname;
const FAULTS = new URL("../fixtures/handlers/faults.ts", import.meta.url).pathname;

const BLOCKING = new URL("../fixtures/handlers/faults_blocking.ts", import.meta.url).pathname;

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  const start = (model: string, handler = FAULTS, ...more: string[]) =>
    new Command([handler, model, ...more], { program: [...run, PROGRAM] });
  const does = async (command: Command, fault: string) => {
    const client = await Client.open(await command.ready());
    await client.send(fault);
    await client.receiveAll().catch(() => {}); // a worker that dies resets it
    await client.close();
  };

  for (
    const [model, handler] of [
      ...["multiplex", "thread", "process"].map((model) => [model, FAULTS]),
      ...["thread", "process"].map((model) => [model, BLOCKING]),
    ]
  ) {
    const what = `${model}${handler === BLOCKING ? ", with a handler that blocks," : ""}`;
    Deno.test(`${name}: a program's ${what} without onEvent says what goes wrong, and nothing else`, async () => {
      await using command = start(model, handler);
      const vanishes = await Client.open(await command.ready());
      await vanishes.reset();
      const stays = await Client.open(await command.ready()); // ended by close(), below
      await does(command, "throws");
      const thrown =
        /^- \S+ #\S+ 6 in, 0 out, .* s \(error: thrown on purpose\)\n {4}at .*faults\.ts:/m;
      await until("the error", () => thrown.test(command.stderr));
      await does(command, "throws what throws");
      await until("the next", () => command.stderr.includes("18 in"));
      if (model !== "multiplex") {
        await does(command, "exits");
        await until("the worker's end", () => command.stderr.includes("ended: exit code 3"));
      }
      assertEquals(await command.exit(), 0);
      const lines = command.stderr.split("\n").filter((line) => !/^( {4}|$)/.test(line));
      assertEquals(lines.length, model === "multiplex" ? 2 : 3, command.stderr);
      await stays.close();
    });
  }

  Deno.test(`${name}: a program that cannot write to standard error serves on`, async () => {
    const program = ["sh", "-c", 'exec "$@" 2> /dev/full', "sh", ...run, PROGRAM] as const;
    await using command = new Command([FAULTS, "multiplex"], { program });
    await does(command, "throws");
    await does(command, "throws");
    assertEquals(await command.exit(), 0);
  });

  Deno.test(`${name}: a program with onEvent writes nothing to standard error`, async () => {
    await using command = start("process", FAULTS, "silent");
    await does(command, "throws");
    await does(command, "exits");
    assertEquals(await command.exit(), 0);
    assertEquals(command.stderr, "");
  });
}
