/** A shutdown that tells and ends connections one by one, in every model. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, greeted, until } from "../tools/client.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

const GOODBYE = new URL("../fixtures/handlers/says_goodbye.ts", import.meta.url).pathname;
const CLIENTS = 6;
/** Seconds. Of the time between the first and the last, five sixths of it, a pause may hide much. */
const SPREAD = 2;
const LEAST = 300;

/** Milliseconds from the first client's end to the last one's. */
async function between(clients: Client[]): Promise<number> {
  const times = await Promise.all(clients.map(async (client) => {
    await until("its end", () => client.ended || client.closed);
    return performance.now();
  }));
  return Math.max(...times) - Math.min(...times);
}

const all = <T>(make: () => Promise<T>) => Promise.all(Array.from({ length: CLIENTS }, make));

await onEachRuntime(({ on, test, run }) => {
  const serve = (way: string, ...args: string[]) =>
    run([
      ...["serve", "--port", "0", ...WAYS[way], "--max-connections", "20"],
      ...["--drain-spread", `${SPREAD}`, ...args],
    ]);

  const ways = on.name === "deno" ? Object.keys(WAYS) : ["multiplex", "thread"];
  for (const way of ways) {
    test(`serve ${way} --drain-spread tells one handler after another`, async () => {
      await using command = serve(way, "--handler", GOODBYE, "--shutdown-timeout", "600");
      const address = await command.ready();
      const clients = await all(() => Client.open(address));
      for (const client of clients) assertEquals(await client.receiveText(5), "hello");
      command.child.kill("SIGTERM");
      const time = await between(clients);
      for (const client of clients) {
        assertEquals(new TextDecoder().decode(await client.receiveAll()), "goodbye");
        await client.close();
      }
      assertEquals(await command.exit(), 0);
      assert(time >= LEAST, `all within ${time} ms`);
    });

    test(`serve ${way} --drain-spread ends one after another whoever does not leave`, async () => {
      await using command = serve(way, "--shutdown-timeout", `${SPREAD + 0.5}`);
      const address = await command.ready();
      const clients = await all(() => greeted(address));
      command.child.kill("SIGTERM");
      const time = await between(clients);
      assertEquals(await command.exit(), 0);
      for (const client of clients) await client.close();
      assert(time >= LEAST, `all within ${time} ms`);
      assertMatch(command.log, /the shutdown timeout is over: 6 ended/);
      assertEquals(command.log.match(/\(shutdown/g)?.length, CLIENTS, command.log);
    });
  }
});
