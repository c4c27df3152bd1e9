/** connect() that is told how long to try, and all addresses of a name. */
import { assert, assertEquals } from "@std/assert";
import { serve } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";
import { Command } from "../tools/command.ts";
import { withFullQueue } from "../tools/full_queue.ts";
import { events } from "../tools/log_lines.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const PROGRAM = new URL("../fixtures/servers/connect_patience.ts", import.meta.url).pathname;
const PROXY = new URL("../../examples/proxy.ts", import.meta.url).pathname;

await onEachRuntime(({ on, test, run }) => {
  test("connect() ends when it shall, and takes a name and a path alone", async () => {
    const folder = await Deno.makeTempDir();
    const server = await serve({ port: 0 });
    const unix = await serve({ path: `${folder}/socket` });
    await withFullQueue(async (full) => {
      const args = [PROGRAM, `${full}`, `${server.addr.port}`, `${folder}/socket`];
      await using program = new Command(args, { program: on.run });
      assertEquals(await program.exit(), 0, program.stderr);
      const once = [
        `timeout: ETIMEDOUT Cannot connect to 127.0.0.1:${full}: no answer in 0.1 s`,
        "signal: undefined called off",
        "aborted: undefined called off",
        "name: connected",
        "path: connected",
      ];
      assertEquals(program.stdout.trimEnd().split("\n"), [...once, ...once]);
    });
    await Promise.all([server.shutdown(), unix.shutdown()]);
    await Deno.remove(folder, { recursive: true });
  });

  for (const model of ["multiplex", "process"]) {
    test(`an upstream that does not answer holds no client that left, and no shutdown, under ${model}`, async () => {
      await withFullQueue(async (full) => {
        const args = ["serve", "--port", "0", "--spares", "1", "--shutdown-timeout", "600"];
        const proxy = run(
          [...args, "--model", model, "--handler", PROXY, "--log", "json"],
          { env: { UPSTREAM: `127.0.0.1:${full}` } },
        );
        const address = await proxy.ready();
        const leaves = await Client.open(address);
        await until("it is served", () => events(proxy, "accepted").length === 1);
        await leaves.reset();
        await until("its end", () => events(proxy, "closed").length === 1);
        const stays = await Client.open(address);
        await until("it is served", () => events(proxy, "accepted").length === 2);
        proxy.child.kill("SIGTERM");
        assertEquals(await proxy.exit(), 0);
        await stays.receiveUntilReset();
        assert(!events(proxy).some(({ type }) => type === "shutdown_timeout"));
      });
    });
  }
});
