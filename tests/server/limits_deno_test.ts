import { assert, assertEquals } from "@std/assert";
import { type ModelName, serve, type ServeOptions, type ServerEvent } from "../../mod.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { limitsTests, WAYS } from "./limits_cases.ts";
import { target } from "../tools/targets.ts";

limitsTests(await target("deno"), Object.keys(WAYS));

const ECHO = new URL("../../src/handler/echo.ts", import.meta.url);

for (
  const options of [
    { model: "thread" },
    { model: "process" },
    { model: "process", handOver: true },
  ] as ServeOptions[]
) {
  const name = options.handOver ? "process, handed over" : options.model;
  Deno.test(`${name}: maxConnectionsPerWorker 1 gives each connection a new worker`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const once = { port: 0, maxConnectionsPerWorker: 1, spares: 1, onEvent };
    const server = await serve({ ...options, ...once }, ECHO);
    for (let i = 0; i < 4; i++) {
      await visit(server.addr);
    }
    await within("the end", server.shutdown());
    const workers = events.filter((event) => event.type === "accepted").map((e) => e.worker.id);
    assertEquals([workers.length, new Set(workers).size], [4, 4]);
    const ends = events.filter((event) => event.type === "worker_exited").map((e) => e.reason);
    assertEquals(new Set(ends), new Set(["exit"]));
  });
}

for (const model of ["multiplex", "thread", "process"] as ModelName[]) {
  Deno.test(`${model}: connectionTimeout ends a connection on which bytes move`, async () => {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await serve(
      { model, port: 0, spares: 1, connectionTimeout: 300, idleTimeout: 60_000, onEvent },
      ECHO,
    );
    const closed = () => events.filter((event) => event.type === "closed");
    // Again if the machine pauses for so long that no byte moves on it.
    do {
      const count = closed().length;
      const client = await Client.open(server.addr);
      while (!client.ended && !client.closed) {
        client.send("x").catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await client.close();
      await until("it is told", () => closed().length > count);
      const last = closed().at(-1)!;
      assertEquals(last.reason, "timeout");
      assert(last.milliseconds >= 290, JSON.stringify(last));
    } while (closed().at(-1)!.bytesRead === 0);
    await within("the end", server.shutdown());
  });
}
