/** The status while things go wrong: it answers, and its counts agree. */
import { assert, assertEquals } from "@std/assert";
import type { Address, ServerStatus } from "../../mod.ts";
import { Client, DEADLINE, greeted, until, visit } from "../tools/client.ts";
import { CLI, Command, descendants, end, signal } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { counters, get, statusOf, statusPlace } from "../tools/status.ts";

const BLOCKS = new URL("../fixtures/handlers/blocks.ts", import.meta.url).pathname;
const HOARDS = new URL("../fixtures/handlers/hoards.ts", import.meta.url).pathname;

/** Checks what must hold at every look. */
function check(now: ServerStatus, before: ServerStatus | null): void {
  assertEquals(now.totals.accepted, now.totals.closed + now.open);
  if (before === null) return;
  const counts = counters(now);
  for (const [name, count] of Object.entries(counters(before))) {
    assert(counts[name] >= count, `${name} fell from ${count} to ${counts[name]}`);
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Clients that come, say something and go, until they are told to stop. */
function visitors(address: Address, count: number): () => Promise<void> {
  let over = false;
  const all = Array.from({ length: count }, async () => {
    while (!over) {
      await visit(address).catch(() => {}); // its worker may be killed
      await pause(10); // what is killed and reloaded needs the processors too
    }
  });
  return async () => {
    over = true;
    await Promise.all(all);
  };
}

await onEachRuntime(({ on, test, serve }) => {
  // Each kind of workers that can be killed, on one runtime at least.
  // Twenty reloads on one: what counts is the same code.
  const [RELOADS, KILLS] = on.name === "deno" ? [20, 10] : [4, 6];
  for (const way of [on.name === "bun" ? ["--workers", "2"] : ["--model", "process"]]) {
    test(`serve ${way.join(" ")} accepts as many as have ended and are open, while workers are killed and reloaded`, async () => {
      await using command = serve(...way, "--status", "127.0.0.1:0");
      const address = await command.ready();
      const place = await statusPlace(command);
      const stop = visitors(address, 2);
      let last: ServerStatus | null = null;
      // Each once: the status may not know yet that one has ended.
      const killed = new Set<number>();
      const killing = setInterval(() => {
        const worker = last?.workers.find(({ pid, state }) =>
          pid && state !== "starting" && !killed.has(pid)
        );
        if (!worker) return;
        killed.add(worker.pid!);
        signal(worker.pid!, "SIGKILL");
      }, 200);
      const deadline = Date.now() + 3 * DEADLINE;
      let looks = 0;
      while ((last?.totals.reloads.done ?? 0) < RELOADS || killed.size < KILLS) {
        const now: ServerStatus = await statusOf(place);
        check(now, last);
        last = now;
        // One at a time: those that are asked for meanwhile would be one.
        if (looks++ % 3 === 0) command.child.kill("SIGHUP");
        if (killed.size >= KILLS) clearInterval(killing);
        await pause(20);
        if (Date.now() > deadline) throw new Error(`only ${last.totals.reloads.done} reloads`);
      }
      clearInterval(killing);
      await stop();
      const closed = async () => (await statusOf(place)).open === 0;
      await until("all have ended", closed);
      const end = await statusOf(place);
      check(end, last);
      assertEquals(end.totals.accepted, end.totals.closed);
      assert(
        end.totals.workersExited["SIGKILL"] >= KILLS / 2,
        JSON.stringify(end.totals.workersExited),
      );
      command.child.kill("SIGTERM");
      await command.exit();
    });
  }

  // Bun and Node accept before anybody is asked, and cannot where no descriptor is left.
  for (const what of on.name === "deno" ? ["clients", "a handler"] : ["clients"]) {
    test(`serve --status answers while ${what} have all descriptors`, async () => {
      const limited = `ulimit -n 200; exec "$0" "$@"`;
      const args = ["serve", "--port", "0", "--status", "127.0.0.1:0", "--handler", HOARDS];
      await using command = new Command(args, { program: ["bash", "-c", limited, ...on.run, CLI] });
      const address = await command.ready();
      const place = await statusPlace(command);
      if (what === "clients") {
        for (let i = 0; i < 250; i++) await Client.open(address);
      } else {
        const client = await Client.open(address);
        await client.send("fill");
        await client.receiveText(4);
      }
      const open = async () => (await statusOf(place)).open;
      await until("some are served", async () => await open() >= 1);
      for (let n = 0; n < 5; n++) {
        assert(await open() >= 1);
        assertEquals((await get(place, "/live")).status, 200);
      }
      await Client.closeAll();
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
    });
  }
});

Deno.test("the status of 1,000 connections is told at once, and of those that are too many it is said", async () => {
  await using command = new Command(["serve", "--port", "0", "--status", "127.0.0.1:0"]);
  const address = await command.ready();
  const place = await statusPlace(command);
  const clients: Client[] = [];
  for (let i = 0; i < 1001; i++) clients.push(await greeted(address));
  const times: number[] = [];
  for (let n = 0; n < 20; n++) {
    const begin = performance.now();
    const { open, connections, truncated, scoreboard } = await statusOf(place);
    times.push(performance.now() - begin);
    assertEquals([open, connections.length, truncated], [1001, 1000, true]);
    assertEquals(scoreboard, "R".repeat(1000));
  }
  assert(times.sort((a, b) => a - b)[10] < 500, `it took ${times}`);
  assertEquals(descendants(command.child.pid).length, 0);
  await end(command, ...clients);
});

Deno.test("serve --status answers at once while every handler computes, and tells which worker is stuck", async () => {
  const args = ["serve", "--port", "0", "--model", "process", "--spares", "1"];
  await using command = new Command([...args, "--status", "127.0.0.1:0", "--handler", BLOCKS]);
  const address = await command.ready();
  const place = await statusPlace(command);
  const clients = [await Client.open(address), await Client.open(address)];
  for (const client of clients) await client.send("block 60");
  const times: number[] = [];
  await until("both are stuck", async () => {
    const begin = performance.now();
    const { scoreboard } = await statusOf(place);
    times.push(performance.now() - begin);
    return scoreboard.replaceAll(/[^X]/g, "") === "XX";
  });
  // 50 ms, and ten times that on a machine that does other things too; it may pause meanwhile.
  const half = times.sort((a, b) => a - b)[times.length >> 1];
  assert(half < 500 && times.at(-1)! < 20_000, `it took ${times}`);
  command.child.kill("SIGTERM");
  command.child.kill("SIGINT");
  await command.exit();
  await Client.closeAll();
});
