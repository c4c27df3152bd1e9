/**
 * Traps of the runtimes that no other test would show: docs/runtimes.md has the
 * table of them, with their tests.
 */
import { assertEquals } from "@std/assert";
import { serve, type ServerEvent } from "../../mod.ts";
import { openDescriptors, testAlone } from "../tools/alone.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

for (const name of ["bun", "node"] as const) {
  Deno.test(`${name}: what connect() gives can write on after the other side's FIN`, async () => {
    const upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const proxy = new URL("../../examples/proxy.ts", import.meta.url).href;
    await using command = new Command(["serve", "--port", "0", "--handler", proxy], {
      env: { UPSTREAM: `127.0.0.1:${upstream.addr.port}` },
      program: [...(await target(name)).run, CLI],
    });
    const client = await Client.open(await command.ready());
    const conn = await upstream.accept();
    await conn.closeWrite();
    await client.receiveAll();
    await client.send("late");
    client.halfClose();
    assertEquals(await within("all", new Response(conn.readable).text()), "late");
    await until("it is closed", () => command.log.includes("\n- "));
    await client.close();
    upstream.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertEquals(command.stderr.includes("error"), false, command.stderr);
  });
}

testAlone(
  import.meta.url,
  "thread: the connection of a thread that ends by itself is closed, and its descriptor free",
  async () => {
    const dies = new URL("../fixtures/handlers/closes_thread.ts", import.meta.url);
    let ready = 0;
    const onEvent = ({ type }: ServerEvent) => void (type === "worker_started" && ready++);
    const options = { model: "thread", port: 0, spares: 1, maxConnections: 1, onEvent } as const;
    const server = await serve(options, dies);
    const once = async () => {
      const before = ready;
      const client = await Client.open(server.addr);
      await client.send("close");
      await client.receiveUntilReset();
      await until("the next thread", () => ready > before);
    };
    await once();
    const before = openDescriptors();
    for (let i = 0; i < 3; i++) await once();
    await until(`${before} descriptors again`, () => openDescriptors() <= before);
    await within("the end", server.shutdown());
  },
);

// Deno makes at most 32 calls in the background: one for each server were too many.
testAlone(
  import.meta.url,
  "multiplex: of 40 servers in one process the last is served while all are idle",
  async () => {
    const before = openDescriptors();
    const servers = [];
    for (let i = 0; i < 40; i++) servers.push(await serve({ model: "multiplex", port: 0 }));
    const client = await Client.open(servers[39].addr);
    await client.send("hello");
    assertEquals(await client.receiveText(5), "hello");
    await client.close();
    await within("the end", Promise.all(servers.map((server) => server.shutdown())));
    await until("the descriptors", () => openDescriptors() <= before);
  },
);

testAlone(
  import.meta.url,
  "thread: a thread that has called connect() gives back all when it ends",
  async () => {
    const upstream = await serve({ port: 0 });
    Deno.env.set("UPSTREAM", `127.0.0.1:${upstream.addr.port}`);
    const proxy = new URL("../../examples/proxy.ts", import.meta.url);
    let [ready, gone] = [0, 0];
    const onEvent = ({ type }: ServerEvent) => {
      if (type === "worker_started") ready++;
      if (type === "worker_exited") gone++;
    };
    const server = await serve({
      ...{ model: "thread", port: 0, spares: 1, maxConnectionsPerWorker: 1, onEvent },
    }, proxy);
    await visit(server.addr);
    await until("the next thread", () => gone === 1 && ready === 2);
    let before = 0;
    await until("it is calm", async () => {
      const now = openDescriptors();
      const isCalm = now === before;
      before = now;
      if (!isCalm) await new Promise((resolve) => setTimeout(resolve, 300));
      return isCalm;
    });
    for (let i = 0; i < 4; i++) await visit(server.addr);
    await until("as many descriptors as before", () => openDescriptors() <= before);
    await server.shutdown();
    await upstream.shutdown();
  },
);
