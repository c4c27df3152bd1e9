/** More clients than there is room for. */
import { assertEquals } from "@std/assert";
import { serve } from "../../mod.ts";
import { Client, within } from "../tools/client.ts";

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

/** Milliseconds that a thousand clients may take on a machine that is busy. */
const LONG = 300_000;

Deno.test("process: of 1,000 clients that come at once, each is served by one of 20 workers", async () => {
  const workers = new Set<number>();
  const server = await serve({
    model: "process",
    port: 0,
    maxConnections: 20,
    backlog: 1000, // clients that find no room in the kernel's queue for some seconds are reset
    onEvent: (event) => event.type === "worker_started" && workers.add(event.worker.id),
  }, ECHO);
  const served = Array.from({ length: 1000 }, async () => {
    const client = await Client.open(server.addr);
    await client.send("hello bye");
    const answer = new TextDecoder().decode(await client.receiveAll(LONG));
    await client.close();
    return answer;
  });
  const answers = await within("all are served", Promise.all(served), LONG);
  assertEquals(new Set(answers), new Set(["hello "]));
  assertEquals(workers.size, 20);
  await within("the end", server.shutdown());
});

for (const model of ["thread", "process"] as const) {
  Deno.test(`${model}: silent clients, more than workers, keep nobody out for longer than idleTimeout`, async () => {
    const server = await serve({ model, port: 0, maxConnections: 2, idleTimeout: 1000 }, ECHO);
    const silent = [];
    for (let i = 0; i < 5; i++) silent.push(await Client.open(server.addr));
    const client = await Client.open(server.addr);
    await client.send("hello bye");
    assertEquals((await client.receiveAll()).length, 6);
    for (const each of [client, ...silent]) await each.close();
    await within("the end", server.shutdown());
  });
}
