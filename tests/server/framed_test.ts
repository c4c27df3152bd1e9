/** Messages over real sockets: on every runtime, under every model, in every way. */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const HANDLERS = new URL("../fixtures/handlers/", import.meta.url);
const LARGE = 6 << 20;

/** Each way with a handler that waits on a loop, and with one that blocks where it can. */
const ALL = [
  ...Object.entries(WAYS).map(([way, args]) => [way, args, "framed.ts"] as const),
  ...["thread", "process"].map((way) => [way, WAYS[way], "framed_blocking.ts"] as const),
];

await onEachRuntime(({ test, serve }) => {
  for (const [way, args, handler] of ALL) {
    test(`${way}: ${handler} reads and writes whole messages`, async () => {
      await using server = serve(...args, "--handler", new URL(handler, HANDLERS).href);
      const address = await server.ready();
      const client = await Client.open(address);
      const ask = async (text: string, reply: string) => {
        await client.send(text);
        assertEquals(await client.receiveText(reply.length), reply);
      };
      await ask("say one\r\nsay two\nsay th", "one\ntwo\n");
      await ask("ree\nframe\n\0\x03abc", "three\n\0\x03abc");

      // What does not come in time is late, and none of it is lost.
      await ask("wait 50\nhalf", "TimeoutError\n");
      await ask(" a line\nsay still\n", "half a line, later\nstill\n");
      await ask("wait 60000\none\nsay next\n", "one in time\nnext\n");

      // All pieces of a write, whatever the kernel takes at once.
      await client.send("large\nsay after\n");
      const large = await client.receive(LARGE + 14);
      assertEquals(new TextDecoder().decode(large.subarray(0, 5)), "headx");
      assertEquals(new TextDecoder().decode(large.subarray(-11)), "xtailafter\n");
      assertEquals(large.subarray(4, LARGE + 4).findIndex((byte) => byte !== 0x78), -1);

      await ask("raw\nand the rest", "and the rest");
      assertEquals((await client.receiveAll()).length, 0);
      await client.close();

      const thrower = await Client.open(address);
      await thrower.send("say first\nthrow\n");
      const all = "first\nlast words\n";
      assertEquals(await thrower.receiveText(all.length), all);
      await thrower.receiveAll().catch(() => {}); // a reset, for it threw
      await end(server, thrower);
      assert(!server.stderr.includes("ENOTSUP"), server.stderr);
    });
  }
});
