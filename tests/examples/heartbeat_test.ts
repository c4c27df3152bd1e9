import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, until } from "../tools/client.ts";
import { answered, EVERYWHERE, type ExampleCase, line } from "./example.ts";
import { exampleTests } from "./run_example.ts";

/** What examples/heartbeat.ts says, and how often. */
const BEAT = "still here\n";
const SILENCE = 500;

/** How many beats come before this line. */
async function beatsBefore(client: Client, expected: string): Promise<number> {
  let beats = 0;
  let text;
  while ((text = await line(client)) === BEAT) beats++;
  assertEquals(text, expected);
  return beats;
}

const HEARTBEAT: readonly ExampleCase[] = [
  {
    name: "a silent client hears a beat, and another",
    async run({ address }) {
      const start = performance.now();
      const client = await Client.open(address);
      await answered(client, BEAT);
      assert(performance.now() - start > SILENCE / 2, "it beats at once");
      await answered(client, BEAT);
      client.halfClose();
      await client.receiveAll();
      await client.close();
    },
  },
  {
    name: "a client that talks gets its own words, and no beat until it is silent again",
    async run({ address }) {
      const client = await Client.open(address);
      // It counts from the last long pause, ours or the machine's: a beat may come in that.
      let quiet = 0;
      let sent = performance.now();
      await until("a conversation without a pause", async () => {
        const before = sent;
        sent = performance.now();
        await client.send("hello\n");
        const beats = await beatsBefore(client, "hello\n");
        if (performance.now() - before > SILENCE * 0.8) quiet = 0;
        else {
          assertEquals(beats, 0, "it beats while the client talks");
          quiet += sent - before;
        }
        await new Promise((resolve) => setTimeout(resolve, SILENCE / 10));
        return quiet > 2.5 * SILENCE;
      });
      await answered(client, BEAT); // now that it is silent
      await client.close();
    },
  },
  {
    name: "at shutdown it says goodbye, to a client that talked too",
    ends: EVERYWHERE,
    async run({ address, model, log, shutdown }) {
      const count = model === "iterative" ? 1 : 2;
      const clients = await Promise.all(
        Array.from({ length: count }, () => Client.open(address)),
      );
      for (const client of clients) {
        await client.send("hello\n");
        await beatsBefore(client, "hello\n"); // if the machine paused meanwhile
      }
      shutdown();
      for (const client of clients) {
        const last = new TextDecoder().decode(await client.receiveAll());
        assertMatch(last, /^(still here\n)*goodbye\n$/);
        await client.send("too late\n");
        await client.close();
        assertEquals(client.error, null);
      }
      const closed = () => log().match(/"type":"closed"[^\n]*?"reason":"\w+"/g) ?? [];
      await until("the reports", () => closed().length === count);
      for (const line of closed()) assert(line.endsWith('"reason":"handler"'), log());
    },
  },
];

exampleTests({ file: "heartbeat.ts", cases: HEARTBEAT });
