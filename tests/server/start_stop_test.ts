/** What a handler's module says about itself: `models`, `start` and `stop`. */
import { assert, assertEquals } from "@std/assert";
import { Client, until, visit } from "../tools/client.ts";
import { descendants } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const handler = (name: string) => new URL(`../fixtures/handlers/${name}`, import.meta.url).pathname;

const WAYS = [
  ["multiplex", "starts.ts", "main"],
  ["multiplex --workers 2", "starts.ts", "process"],
  ["thread", "starts.ts", "thread"],
  ["process", "starts.ts", "process"],
  ["process", "starts_blocking.ts", "process"],
  ["process --hand-over", "starts.ts", "process"],
] as const;

await onEachRuntime(({ test, run, serve }) => {
  for (const [args, file, kind] of WAYS) {
    test(`start and stop run once in each place under ${args}, ${file}`, async () => {
      const path = await Deno.makeTempFile();
      await using command = run(
        ["serve", "--port", "0", "--spares", "1", "--model", ...args.split(" "), "--handler"]
          .concat(handler(file)),
        { env: { SAID: path } },
      );
      const address = await command.ready();
      for (let i = 0; i < 3; i++) {
        const client = await Client.open(address);
        await client.send("hello");
        assertEquals(new TextDecoder().decode(await client.receiveAll()), "1");
        await client.close();
      }
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0, command.stderr);
      const lines = (await Deno.readTextFile(path)).split("\n");
      await Deno.remove(path);
      const [model] = args.split(" ");
      const said = (what: string) =>
        lines.filter((line) => line.startsWith(what)).map((line) => line.slice(what.length)).sort();
      const started = said("start ");
      assert(started.length > 0);
      assertEquals(new Set(started).size, started.length);
      assert(started.every((place) => place.startsWith(`${model} ${kind} `)), started.join());
      assertEquals(said("stop "), started);
    });
  }

  for (const args of ["multiplex", "thread", "process"]) {
    test(`a start that fails is as if the module did not load, under ${args}`, async () => {
      await using command = serve("--model", args, "--handler", handler("starts_badly.ts"));
      assertEquals(await command.exit(), 1);
      assert(/Cannot start the handler \S+: no database is there\n$/.test(command.stderr));
      assertEquals(command.stderr.trimEnd().split("\n").length, 1, command.stderr);
    });
  }

  for (const model of ["thread", "process"]) {
    test(`a stop that never ends keeps no worker under ${model} that is to leave`, async () => {
      const usual = ["serve", "--port", "0", "--spares", "1", "--shutdown-timeout", "0.2"];
      await using command = run(
        [...usual, "--model", model, "--max-connections-per-worker", "1"]
          .concat("--handler", handler("stops_never.ts")),
      );
      const address = await command.ready();
      const workers = () => descendants(command.child.pid).length;
      const before = workers();
      await visit(address);
      const why = "`stop` failed: it has not finished after 1 s";
      await until("the worker's patience", () => command.stderr.includes(why));
      await until("the worker's end", () => workers() === before);
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0, command.stderr);
    });
  }

  test("a handler that shares its state refuses other models in one line", async () => {
    for (const args of ["thread", "process", "iterative", "multiplex --workers 1"]) {
      await using command = serve("--model", ...args.split(" "), "--handler", handler("shares.ts"));
      assertEquals(await command.exit(), 1);
      const under = args.replace("--workers 1", "with workers");
      assert(
        command.stderr.includes(`shares.ts under ${under}: its module says \`models\` `),
        command.stderr,
      );
      assertEquals(command.stderr.trimEnd().split("\n").length, 1, command.stderr);
    }
    await using command = serve("--handler", handler("shares.ts"));
    await command.ready();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });
});
