/** What trusted servers promise and no other test shows: docs/reliability.md names each. */
import { assertEquals } from "@std/assert";
import { type ModelName, serve, type ServeOptions, type ServerEvent } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { retried } from "../tools/retried.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

/** Runs `run` with a server, and ends it. */
async function withServer(
  options: ServeOptions,
  run: (client: () => Promise<Client>, closed: () => ServerEvent[]) => Promise<void>,
): Promise<void> {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent) => void events.push(event);
  const server = await serve({ port: 0, spares: 1, onEvent, ...options }, ECHO);
  try {
    await run(
      () => Client.open(server.addr),
      () => events.filter((event) => event.type === "closed"),
    );
  } finally {
    await within("the end", server.shutdown());
  }
}

for (const model of Object.keys(MODELS) as ModelName[]) {
  Deno.test(`${model}: after 1,000 ping-pongs the last ping and FIN get their pong, then FIN`, () =>
    withServer({ model }, async (open) => {
      const client = await open();
      for (let i = 0; i < 1000; i++) {
        await client.send("ping");
        assertEquals(await client.receiveText(4), "ping");
      }
      await client.send("ping");
      client.halfClose();
      assertEquals(new TextDecoder().decode(await client.receiveAll()), "ping");
      await client.close();
      assertEquals(client.error, null);
    }));

  Deno.test(`${model}: data and FIN of a client that waits for its turn are served later`, () =>
    withServer({ model, maxConnections: 1 }, async (open, closed) => {
      const first = await open();
      await first.send("hello");
      await first.receive(5);
      const second = await open();
      await second.send("all that I say");
      second.halfClose();
      await new Promise((resolve) => setTimeout(resolve, 300)); // long enough to be lost
      assertEquals([second.received, closed().length], [0, 0]);
      await first.close();
      assertEquals(new TextDecoder().decode(await second.receiveAll()), "all that I say");
      await second.close();
    }));

  Deno.test(`${model}: a client that never reads, sends FIN and then RST is closed once, and soon`, () =>
    withServer({ model }, async (open, closed) => {
      const client = await open();
      client.socket.pause();
      client.send(new Uint8Array(4 << 20).fill(0x78)).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100)); // the queues are full
      client.halfClose();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await client.reset();
      await until("it is closed", () => closed().length > 0);
      const next = await open();
      await next.send("next bye");
      assertEquals((await next.receiveAll()).length, 5);
      await next.close();
      await until("the next is closed", () => closed().length === 2);
    }));

  Deno.test(`${model}: a port is free again as soon as its server has ended`, async () => {
    await retried(async () => { // another test's client may be given the port meanwhile
      let port = 0;
      for (let round = 0; round < 3; round++) {
        const server = await serve({ model, port, spares: 1 }, ECHO);
        port = (server.addr as { port: number }).port;
        await visit(server.addr); // the server closes first, which leaves it in TIME_WAIT
        await within("the end", server.shutdown());
      }
    }, 3);
  });
}
