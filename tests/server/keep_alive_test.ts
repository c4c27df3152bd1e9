/** When a silent client is asked whether it is still there, on the sockets themselves. */
import { assertEquals, assertMatch } from "@std/assert";
import { Client } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const HANDLER = new URL("../fixtures/handlers/tells_keep_alive.ts", import.meta.url).pathname;

await onEachRuntime(({ on, test, serve }) => {
  // What a runtime does with what it accepts, or adopts, itself.
  for (
    const way of ["multiplex", "thread", "process", "multiplex --workers", "process --hand-over"]
  ) {
    const refuses = on.name === "deno" && way === "process --hand-over";
    test(`serve ${way} --keepalive ${refuses ? "is refused" : "sets its times on each connection"}`, async () => {
      for (const [given, times] of [["61:7:3", "1,61,7,3,82000"], ["90", "1,90,10,6,150000"]]) {
        await using command = serve(...WAYS[way], "--keepalive", given, "--handler", HANDLER);
        if (refuses) {
          assertEquals(await command.exit(), 1);
          assertMatch(
            command.stderr,
            /^trivet: Cannot set the times of keep-alive: .*handed over.*\n$/,
          );
          return;
        }
        const address = await command.ready();
        // Of several that come at once Node's loop accepts one.
        const clients = await Promise.all(
          Array.from({ length: way === "multiplex" ? 20 : 1 }, () => Client.open(address)),
        );
        for (const client of clients) {
          assertEquals(new TextDecoder().decode(await client.receiveAll()), times);
        }
        await end(command, ...clients);
      }
    });
  }
});

Deno.test("serve says what it needs to set keep-alive's times", async () => {
  const flags = ["--no-prompt", "--allow-net", "--allow-run", "--allow-env", "--allow-read"];
  for (const option of [["--keepalive", "60"], ["--min-rate", "10"]]) {
    await using command = new Command(["serve", "--port", "0", ...option], { flags });
    assertEquals(await command.exit(), 1);
    assertMatch(
      command.stderr,
      /^trivet: Cannot .*: it needs the C library: .*--allow-ffi, or .*\n$/,
    );
  }
});
