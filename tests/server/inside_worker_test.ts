/**
 * One file that is handler and server: each worker runs it, and would serve again; without
 * workers serve() and the module would wait for each other.
 */
import { assert, assertEquals } from "@std/assert";
import { until } from "../tools/client.ts";
import { alive, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const ONE_FILE = new URL("../fixtures/servers/one_file.ts", import.meta.url).pathname;

const WAYS = [
  { model: "thread" },
  { model: "process" },
  { model: "process", handOver: true },
  { model: "multiplex", workers: 2 },
];

for (const name of ["deno", "bun", "node"] as const) {
  const on = await target(name);
  for (const way of WAYS) {
    Deno.test(`${name}: one file that is handler and server, ${JSON.stringify(way)}, is told so and does not multiply`, async () => {
      const runs = await Deno.makeTempFile();
      await using program = new Command([], {
        program: [...on.run, ONE_FILE],
        env: { OPTIONS: JSON.stringify(way), RUNS: runs },
      });
      assertEquals(await program.exit(), 1);
      const line = /Cannot serve inside a worker: .*put the handler into a module of its own/;
      assert(line.test(program.stderr), program.stderr);
      const pids = (await Deno.readTextFile(runs)).trim().split("\n").map(Number);
      assert(pids.length <= 1 + (way.workers ?? 1), `it was run ${pids.length} times`);
      await until("nothing is left", () => !pids.some(alive));
      await Deno.remove(runs);
    });
  }
  // Deno gives a module that is still running to whoever imports it (2.9).
  if (name === "deno") continue;
  Deno.test(`${name}: one file that is handler and server, without workers, is told so at once`, async () => {
    await using program = new Command([], {
      program: [...on.run, ONE_FILE],
      env: { OPTIONS: "{}", RUNS: "/dev/null" },
    });
    assertEquals(await program.exit(30_000), 1);
    const line =
      /one_file.ts: its module has not .* after 2 s: it calls serve\(\) .*; pass the fun/;
    assert(line.test(program.stderr), program.stderr);
  });
}
