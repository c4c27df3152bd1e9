/** An address that another server listens on, or has left behind. */
import { assertEquals, assertMatch } from "@std/assert";
import type { TcpAddress } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

await onEachRuntime(({ test, run, serve }) => {
  test("serve --host localhost listens on the same address on each runtime", async () => {
    await using command = serve("--host", "localhost");
    const address = await command.ready();
    assertEquals((address as TcpAddress).hostname, "127.0.0.1");
    await end(command);
  });

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
  }

  for (const way of [...Object.keys(MODELS), "process --hand-over"]) {
    test(`serve --model ${way} --unix replaces a stale file, and neither a live nor a newer one`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/socket`;
      const start = () =>
        run(["serve", "--model", ...way.split(" "), "--unix", path, "--spares", "1"]);
      await using first = start();
      const address = await first.ready();
      await using second = start();
      assertEquals(await second.exit(), 1);
      assertMatch(second.stderr, /in use/);
      first.child.kill("SIGKILL");
      await first.exit();
      await using third = start();
      await third.ready();
      await visit(address);

      await Deno.remove(path);
      await using newer = start();
      await newer.ready();
      await end(third);
      await visit(address);
      await end(newer);
      assertEquals([...Deno.readDirSync(folder)].length, 0);
      await Deno.remove(folder);
    });
  }
});
