/** Clients that send or read too slowly, in every model, and those that only seem to. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const handler = (name: string) =>
  new URL(`../fixtures/handlers/${name}.ts`, import.meta.url).pathname;
const BLOCKING = handler("asks_lines_blocking");
const ASKS = handler("asks_lines");

const ON: Record<string, string[]> = {
  deno: ["multiplex", "thread", "process", "multiplex --workers"],
  bun: ["multiplex", "thread"],
  node: ["multiplex", "process --hand-over"],
};

/** Seconds: a pause of this process is not slowness. */
const GRACE = 2;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

await onEachRuntime(({ on, test, serve }) => {
  for (const way of ON[on.name]) {
    const blocks = /^(thread|process|process --no-fork)$/.test(way);
    for (const module of blocks ? [BLOCKING, ASKS] : [ASKS]) {
      const name = module === BLOCKING ? `${way}, blocking` : way;
      test(`serve ${name} --min-rate ends whoever trickles or reads nothing, and nobody else`, async () => {
        await using command = serve(
          ...[...WAYS[way], "--handler", module],
          ...["--min-rate", "100", "--min-rate-grace", `${GRACE}`],
        );
        const address = await command.ready();
        const timeouts = () => command.log.match(/\(timeout: /g)?.length ?? 0;

        const silent = await Client.open(address);
        const rests = await Client.open(address);
        await rests.send("hello\n");
        assertEquals(await rests.receiveText(3), "ok\n");

        // It has sent the most of a line at once.
        const stalls = await Client.open(address);
        await stalls.send("half a line");

        const trickles = await Client.open(address);
        await until("the end of whoever trickles", async () => {
          if (!trickles.closed) trickles.send("x").catch(() => {});
          await pause(100);
          return trickles.closed;
        });
        await until("that it is told", () => timeouts() === 1);

        const deaf = await Client.open(address);
        deaf.socket.pause();
        await deaf.send("flood\n");
        await until("the end of whoever reads nothing", () => timeouts() === 2);
        await deaf.close();

        const slow = await Client.open(address);
        await slow.send("flood\n");
        const isOver = Date.now() + 2000 * GRACE;
        while (slow.received < (32 << 20) + 3 && Date.now() < isOver) {
          slow.socket.pause();
          await pause(150);
          const before = slow.received;
          slow.socket.resume();
          await until("more", () => slow.received > before || slow.closed);
          assert(!slow.closed, "whoever reads slowly was ended");
        }
        await slow.receive((32 << 20) + 3);

        if (module === ASKS) {
          await rests.send("late\n");
          assertEquals(await rests.receiveText(3), "ok\n");
        }
        // All of them have rested for longer than the grace by now.
        for (const client of [rests, silent]) {
          await client.send("hello\n");
          assertEquals(await client.receiveText(3), "ok\n");
        }
        await stalls.send(", and its end\n");
        assertEquals(await stalls.receiveText(3), "ok\n");
        await end(command, rests, silent, stalls, slow);
        assertEquals(timeouts(), 2, command.log);
        assertMatch(command.log, /\(timeout: fewer than 100 bytes a second over 2 s\)/);
      });
    }
  }
});
