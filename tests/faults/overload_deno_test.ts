import { assert, assertEquals } from "@std/assert";
import { serve } from "../../mod.ts";
import { Client, until, within } from "../tools/client.ts";
import { isCalm, overloadTests, serveWithin } from "./overload_cases.ts";
import { target } from "../tools/targets.ts";

const deno = await target("deno");
overloadTests(deno, ["multiplex", "process --hand-over"]);

const HOARDS = new URL("../handlers/hoards.ts", import.meta.url);

for (const model of ["multiplex", "thread", "process"]) {
  Deno.test(`serve --model ${model} whose handler takes all descriptors stays calm, and recovers`, async () => {
    const args = ["--model", model, "--verbose", "--spares", "3", "--handler", HOARDS.href];
    const command = serveWithin(deno, 300, ...args);
    const address = await command.ready();
    const ready = () => command.stderr.match(/ is ready$/mg)?.length ?? 0;
    if (model !== "multiplex") await until("all workers are ready", () => ready() === 3);
    const say = async (client: Client, text: string) => {
      await client.send(text);
      assertEquals(await client.receiveText(text.length), text);
    };
    const hoarder = await Client.open(address);
    await say(hoarder, "fill");
    const clients: Client[] = [];
    for (let i = 0; i < 5; i++) clients.push(await Client.open(address));
    for (const client of clients) await client.send("hello");
    if (model === "process") { // its own descriptors are all that it can take
      await until("they are served", () => clients.every((client) => client.received === 5));
    } else {
      await until("it is told", () => command.stderr.includes("EMFILE"));
      await isCalm(command);
      assert(clients.every((client) => !client.ended && !client.closed), "nobody is lost");
      await say(hoarder, "free");
      await until("they are served", () => clients.every((client) => client.received === 5));
    }
    for (const client of [hoarder, ...clients]) await client.close();
    const late = await Client.open(address);
    await say(late, "hello");
    await late.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });
}

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

/** Milliseconds that a thousand clients may take on a machine that is busy. */
const LONG = 300_000;

Deno.test("process: of 1,000 clients that come at once, each is served by one of 20 workers", async () => {
  const workers = new Set<number>();
  const server = await serve({
    model: "process",
    port: 0,
    maxConnections: 20,
    backlog: 1000, // the kernel resets those for whom its queue has no room for some seconds
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
