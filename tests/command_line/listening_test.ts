/** An address that another server listens on, or has left behind. */
import { assertEquals, assertMatch } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { visit } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

await onEachRuntime(({ test, run, serve }) => {
  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model} says that a port is in use`, async () => {
      const first = serve("--model", model);
      const address = await first.ready() as { port: number };
      const second = run([
        "serve",
        "--model",
        model,
        "--port",
        String(address.port),
      ]);
      assertEquals(await second.exit(), 1);
      assertMatch(second.stderr, /^trivet: Cannot listen on .*in use.*\n$/);
      first.child.kill("SIGTERM");
      await first.exit();
    });

    test(`serve --model ${model} --unix replaces a stale file, not a live one`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/socket`;
      const start = () => run(["serve", "--model", model, "--unix", path, "--spares", "1"]);
      const first = start();
      const address = await first.ready();
      const second = start();
      assertEquals(await second.exit(), 1);
      assertMatch(second.stderr, /in use/);
      first.child.kill("SIGKILL");
      await first.exit();
      const third = start();
      await third.ready();
      await visit(address);
      third.child.kill("SIGTERM");
      assertEquals(await third.exit(), 0);
      assertEquals([...Deno.readDirSync(folder)].length, 0);
      await Deno.remove(folder);
    });
  }
});
