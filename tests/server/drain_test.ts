/** A server that shall stop is not ready at once, and gives clients and balancers time. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { serve, type ServerEvent } from "../../mod.ts";
import { greeted, until, visit, within } from "../tools/client.ts";
import { insist } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { get, statusOf, statusPlace } from "../tools/status.ts";
import { WAYS } from "../tools/ways.ts";

const ON_DENO = ["multiplex", "thread", "process", "multiplex --workers", "process --hand-over"];

await onEachRuntime(({ on, test, serve }) => {
  for (const way of on.name === "deno" ? ON_DENO : ["multiplex"]) {
    test(`serve ${way} --drain-delay is not ready from the first signal on, and serves; the second ends it`, async () => {
      await using command = serve(...WAYS[way], "--drain-delay", "600", "--status", "127.0.0.1:0");
      const place = await statusPlace(command);
      const address = await command.ready();
      assertEquals((await get(place, "/ready")).status, 200);
      const before = await greeted(address);
      command.child.kill("SIGTERM");
      await until("it is told", () => command.log.includes("stopping: clients are accepted for"));
      assertEquals((await get(place, "/ready")).status, 503);
      assertEquals((await statusOf(place)).state, "stopping");
      await visit(address);
      await insist(command, "SIGTERM");
      assertEquals(await command.exit(), 143);
      await before.close();
    });
  }

  test("serve --drain-delay serves for so long after the signal, then refuses, and ends well", async () => {
    await using command = serve("--drain-delay", "4");
    const address = await command.ready();
    command.child.kill("SIGTERM");
    await until("it is told", () => command.log.includes("stopping"));
    let served = 0;
    await until("newcomers are refused", async () => {
      try {
        await visit(address);
        served++;
        return false;
      } catch {
        return true;
      }
    });
    assertEquals(await command.exit(), 0);
    assert(served > 0, "nobody was served after the signal");
    assertMatch(
      command.log,
      /stopping: clients are accepted for 4 s more, 0 open[^]+\nshutting down/,
    );
  });
});

Deno.test("shutdown with drainDelay: two events, one end, and close() does not wait for it", async () => {
  for (const hurry of [false, true]) {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await serve({ port: 0, drainDelay: hurry ? 600_000 : 100, onEvent });
    assertEquals(server.shutdown(), server.finished);
    assertEquals(server.shutdown(), server.finished);
    if (hurry) {
      await visit(server.addr);
      void server.close();
    }
    await within("the end", server.finished);
    const told = events.filter(({ type }) => /draining|shutdown/.test(type));
    assertEquals(told.map(({ type }) => type), ["draining", "shutdown"]);
  }
});
