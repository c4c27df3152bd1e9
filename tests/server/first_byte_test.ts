/** A client that says nothing at first, in every model. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, greeted, until } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { WAYS } from "../tools/ways.ts";

await onEachRuntime(({ on, test, serve }) => {
  const ways = on.name === "deno" ? Object.keys(WAYS) : ["multiplex", "thread"];
  for (const way of ways) {
    test(`serve ${way} --first-byte-timeout ends a client that sends nothing, and no other`, async () => {
      await using command = serve(...WAYS[way], "--first-byte-timeout", "0.5");
      const address = await command.ready();
      // Again if the machine pauses between its coming and its first byte.
      let talks: Client | null = null;
      let late = 0;
      while (!(talks = await greeted(address).catch(() => null))) assert(++late < 5);
      const silent = await Client.open(address);
      await until("its end", () => silent.closed);
      assertEquals([silent.error?.code, silent.received], ["ECONNRESET", 0]);
      const timeouts = () => command.log.match(/\(timeout/g)?.length ?? 0;
      await until("it is told", () => timeouts() > late);
      // That one has been silent for longer by now.
      await new Promise((resolve) => setTimeout(resolve, 500));
      await talks.send("again");
      assertEquals(await talks.receiveText(5), "again");
      await end(command, talks);
      assertMatch(command.log, /0 in, 0 out, \S+ s \(timeout: no first byte within 0\.5 s\)/);
      assertEquals(timeouts(), late + 1, command.log);
    });
  }

  if (on.name !== "deno") return;
  test("the first line says that silent clients stay, where others can reach it and no time limit is set", async () => {
    for (
      const [args, says] of [
        [["--host", "0.0.0.0"], true],
        [["--host", "0.0.0.0", "--first-byte-timeout", "5"], false],
        [["--host", "0.0.0.0", "--idle-timeout", "5"], false],
        [[], false],
      ] as const
    ) {
      await using command = serve(...args);
      await command.ready();
      await end(command);
      const first = command.log.split("\n")[0];
      assertEquals(first.includes("silent clients stay for ever"), says, first);
    }
  });
});
