/** What a server computes while nobody is there. */
import { assertEquals } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { until } from "../tools/client.ts";
import { descendants, ticks } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

await onEachRuntime(({ test, run }) => {
  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model} computes next to nothing while nobody is there`, async () => {
      await using command = run(["serve", "--port", "0", "--model", model]);
      await command.ready();
      const pids = () => [command.child.pid, ...descendants(command.child.pid)];
      // Four that are idle, and the one that forks them.
      const processes = model === "process" ? 1 + 4 + 1 : 1;
      await until("all workers", () => pids().length === processes);
      // A busy loop would use 100 ticks of a second; they settle within some.
      await until("a second with at most 3 ticks", async () => {
        const before = ticks(pids());
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return ticks(pids()) - before <= 3;
      });
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }
});
