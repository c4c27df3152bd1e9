/** What a server holds for a client that does not take what it is sent. */
import { assert, assertEquals } from "@std/assert";
import { MODELS } from "../../src/server/models.ts";
import { Client } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { fixed, held, settled } from "./held.ts";

await onEachRuntime(({ test, run }) => {
  for (const model of Object.keys(MODELS)) {
    test(`serve --model ${model} grows less than 16 MiB for a client that never reads`, async () => {
      await using command = run(["serve", "--port", "0", "--model", model, ...fixed(model)]);
      const address = await command.ready();
      const client = await Client.open(address);
      await client.send("x".repeat(1 << 16));
      await client.receive(1 << 16);
      client.socket.pause();
      const before = (await settled(command.child.pid)).kilobytes;
      const chunk = new Uint8Array(1 << 20).fill(0x78);
      let most = before;
      // It hands over 256 MiB, of which the kernel takes what it has room for.
      for (let i = 0; i < 256; i++) {
        client.send(chunk).catch(() => {});
        if (i % 32 === 31) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          most = Math.max(most, held(command.child.pid).kilobytes);
        }
      }
      console.log(`    ${model}: ${before} KiB, at most ${most}`);
      assert(most < before + (16 << 10), `${before} KiB became ${most}`);
      await client.close();
      const next = await Client.open(address);
      await next.send("next bye");
      assertEquals((await next.receiveAll()).length, 5);
      await next.close();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }
});
