/** What a server tells of itself is so: compared with what the system knows. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { serve, type ServerStatus } from "../../mod.ts";
import { Client, greeted, until, visit } from "../tools/client.ts";
import { alive, descendants, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { get, statusOf, statusPlace } from "../tools/status.ts";
import { WAYS } from "../tools/ways.ts";

const ALL: Record<string, string[]> = { ...WAYS, iterative: ["--model", "iterative"] };
/** What tells there is the same code as of a way that each runtime is tested with. */
const ON_DENO = ["process --no-fork", "process --hand-over"];

/** The ports of clients that are connected to a port, as ss(8) knows them; null without it. */
function connected(port: number): Set<number> | null {
  try {
    const { stdout } = new Deno.Command("ss", { args: ["-Htn", `sport = :${port}`] }).outputSync();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    return new Set(
      lines.filter((line) => line.startsWith("ESTAB")).map((line) =>
        Number(/:(\d+)\s*$/.exec(line)?.[1])
      ),
    );
  } catch {
    return null;
  }
}

const port = (client: { transport: string; port?: number }) => client.port!;

await onEachRuntime(({ on, test, serve }) => {
  for (const [way, args] of Object.entries(ALL)) {
    if (on.name !== "deno" && ON_DENO.includes(way)) continue;
    test(`serve --model ${way} tells every connection and worker that is there, and no other`, async () => {
      await using command = serve(...args, "--status", "127.0.0.1:0");
      const address = await command.ready();
      const place = await statusPlace(command);
      const count = way === "iterative" ? 1 : 4;
      const clients: Client[] = [];
      while (clients.length < count) clients.push(await greeted(address));
      let status: ServerStatus;
      const told = () =>
        status.connections.every(({ bytesWritten, state }) =>
          bytesWritten === 5 && state === "reads"
        );
      await until("all is told", async () => {
        status = await statusOf(place);
        // Who is busy is told by another way than connections are.
        const agree = status.workers.every(({ state, open }) => state === (open ? "busy" : "idle"));
        return status.connections.length === count && told() && agree;
      });
      status = status!;
      const mine = clients.map(({ socket }) => socket.localPort!).sort();
      assertEquals(status.connections.map(({ client }) => port(client as never)).sort(), mine);
      const there = connected((address as { port: number }).port);
      if (there) assertEquals(new Set(mine), there);
      const { totals, workers, scoreboard } = status;
      assertEquals([totals.accepted, totals.closed, status.open], [count, 0, count]);
      assertEquals([totals.bytesRead, totals.bytesWritten], [5 * count, 5 * count]);
      assertEquals(scoreboard.replaceAll(/[^R]/g, "").length, count);
      // Each worker is a process of this server's, and has the connections that it says.
      const processes = [command.child.pid, ...descendants(command.child.pid)];
      for (const { pid, open, name } of workers) {
        assert(pid !== null && processes.includes(pid) && alive(pid), `${name} is not there`);
        assertEquals(status.connections.filter(({ worker }) => worker === name).length, open);
      }
      await clients[0].send("bye");
      await clients[0].receiveAll();
      await clients[0].close();
      await until("one has ended", async () => (await statusOf(place)).totals.closed === 1);
      const after = await statusOf(place);
      assertEquals([after.totals.closedBy.handler, after.open], [1, count - 1]);
      assertEquals(after.totals.bytesRead, 5 * count + 3);
      clients.shift();
      if (way === "iterative") {
        clients.push(await greeted(address));
        while (clients.length < 4) clients.push(await Client.open(address));
        await until("three wait behind it", async () => (await statusOf(place)).waiting === 3);
        const { scoreboard, open, ready } = await statusOf(place);
        assertEquals([scoreboard, open, ready], ["R", 1, true]);
      }
      await end(command, ...clients);
    });
  }

  test("serve --status is ready until the first signal, tells who is left, and removes its socket", async () => {
    const path = await Deno.makeTempFile();
    await Deno.remove(path);
    await using command = serve("--model", "process", "--status", `unix:${path}`, "--log", "json");
    const address = await command.ready();
    const place = { transport: "unix", path } as const;
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    assertEquals((await get(place, "/ready")).status, 200);
    const client = await greeted(address);
    command.child.kill("SIGTERM");
    await until("it is not ready", async () => (await get(place, "/ready")).status === 503);
    assertEquals((await get(place, "/live")).status, 200);
    const { state, ready } = await statusOf(place);
    assertEquals([state, ready], ["stopping", false]);
    await until("who is left is told", async () => {
      const { scoreboard, connections } = await statusOf(place);
      return connections[0]?.state === "drains" && scoreboard.startsWith("D");
    });
    await client.close();
    assertEquals(await command.exit(), 0);
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
    const [{ type, status, pid, handler }] = command.stderr.split("\n").slice(0, 1)
      .map((line) => JSON.parse(line));
    assertEquals([type, status, pid, handler], ["listening", place, command.child.pid, "echo"]);
  });
});

Deno.test("server.status() is what /status.json tells, also where nobody is told", async () => {
  const addresses: unknown[] = [];
  await using server = await serve({ port: 0, status: true, onEvent: () => {} });
  const client = await greeted(server.addr);
  const status = server.status();
  assertEquals([status.schema, status.open, status.totals.accepted], [1, 1, 1]);
  assertEquals([status.handler, status.addr], ["echo", server.addr]);
  addresses.push(status.connections[0].client);
  assertEquals(port(addresses[0] as never), client.socket.localPort);
  await client.close();
});

Deno.test("server.status() tells what there was after the server's end, too", async () => {
  for (const model of ["multiplex", "process"] as const) {
    const server = await serve({ model, port: 0, status: true, onEvent: () => {} });
    await visit(server.addr);
    await server.shutdown();
    const { totals, open, workers, ready } = server.status();
    assertEquals([totals.accepted, totals.closed, open, ready], [1, 1, 0, false]);
    assertEquals(workers.length, model === "multiplex" ? 1 : 0);
  }
});

for (const model of ["thread", "process"] as const) {
  Deno.test(`server.status() under ${model} tells what connections do after others were refused`, async () => {
    const options = {
      model,
      port: 0,
      spares: 1,
      maxConnectionsPerSource: 1,
      status: true,
    } as const;
    await using server = await serve({ ...options, onEvent: () => {} });
    const first = await greeted(server.addr);
    for (let n = 0; n < 3; n++) await (await Client.open(server.addr)).receiveAll().catch(() => {});
    await first.close();
    for (let n = 0; n < 4; n++) {
      await until("the first is gone", () => server.status().open === 0);
      const client = await greeted(server.addr);
      await until("it is told", () => {
        const [told] = server.status().connections;
        return told?.state === "reads" && told.bytesRead === 5;
      });
      await client.close();
    }
    await until("they are told", () => server.status().totals.refused.source === 3);
  });
}

Deno.test("server.status() of a server that keeps no count says what to do", async () => {
  await using server = await serve({ port: 0, onEvent: () => {} });
  assertThrows(() => server.status(), TypeError, "serve with { status: true }");
});
