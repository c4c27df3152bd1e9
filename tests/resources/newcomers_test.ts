/**
 * Clients that come while others keep the loop busy: they are taken together, and not
 * one in each turn.
 */
import { assert, assertEquals } from "@std/assert";
import { greeted, until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const BUSY = 8;
const NEWCOMERS = 100;
/** Answers of the busy while newcomers wait: one taken in each turn would make it 8 × 100. */
const PATIENCE = BUSY * NEWCOMERS / 3;

const HANDLER = new URL("../fixtures/handlers/takes_time.ts", import.meta.url).pathname;

await onEachRuntime(({ test, serve }) => {
  test("a hundred who come at once are taken together, though others are busy", async () => {
    await using command = serve("--model", "multiplex", "--handler", HANDLER);
    const address = await command.ready();
    const busy = await Promise.all(Array.from({ length: BUSY }, () => greeted(address)));
    let [answers, over] = [0, false];
    const work = busy.map(async (client) => {
      for (; !over; answers++) {
        await client.send("work");
        assertEquals(await client.receiveText(4), "work");
      }
    });
    await until("the busy are answered", () => answers >= BUSY);
    const before = answers;
    const come = Array.from({ length: NEWCOMERS }, () => greeted(address));
    const newcomers = await Promise.all(come).finally(() => over = true);
    const meanwhile = answers - before;
    await Promise.all(work);
    for (const client of newcomers) {
      client.halfClose();
      assertEquals(await client.receiveAll(), new Uint8Array(0));
    }
    await end(command, ...busy, ...newcomers);
    assert(meanwhile < PATIENCE, `the busy had ${meanwhile} answers meanwhile`);
  });

  test("twenty who come at once are handed over, each to a worker", async () => {
    await using command = serve("--model", "process", "--hand-over", "--max-connections", "2");
    const address = await command.ready();
    await Promise.all(Array.from({ length: 20 }, () => visit(address)));
    await end(command);
  });
});
