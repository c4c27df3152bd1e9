/**
 * Clients that come while others keep the loop busy: they are taken together, and not
 * one in each turn.
 */
import { assert, assertEquals } from "@std/assert";
import { greeted } from "../tools/client.ts";
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
    const before = answers;
    const newcomers = await Promise.all(Array.from({ length: NEWCOMERS }, () => greeted(address)));
    const meanwhile = answers - before;
    over = true;
    await Promise.all(work);
    await end(command, ...busy, ...newcomers);
    assert(meanwhile < PATIENCE, `the busy had ${meanwhile} answers meanwhile`);
  });
});
