/** A shutdown under a stream of clients. */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const CLIENTS = 8;
const ON_DENO = ["iterative", "thread", "process", "process --no-fork", "multiplex --workers"];

await onEachRuntime(({ on, test, run }) => {
  for (const name of on.name === "deno" ? ON_DENO : ["multiplex", "process"]) {
    test(`serve ${name} at SIGTERM serves whoever has come, refuses whoever comes, and resets nobody`, async () => {
      const args = [
        ...WAYS[name] ?? ["--model", name],
        "--spares",
        String(CLIENTS),
        "--log",
        "none",
      ];
      await using command = run(["serve", "--port", "0", ...args]);
      const address = await command.ready();
      let served = 0, refused = 0, reset = 0;
      const stream = async () => {
        for (;;) {
          let client;
          try {
            client = await Client.open(address);
          } catch (error) {
            if ((error as { code?: string }).code !== "ECONNREFUSED") reset++;
            else refused++;
            return;
          }
          try {
            await client.send("hello bye");
            assertEquals((await client.receiveAll()).length, 6);
            if (++served === 300) command.child.kill("SIGTERM");
          } catch {
            reset++;
          }
          await client.close();
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, stream));
      assertEquals(await command.exit(), 0);
      console.log(`    ${name}: ${served} served, ${refused} refused, ${reset} reset`);
      assert(served >= 300 && refused > 0);
      assertEquals(reset, 0);
    });
  }
});
