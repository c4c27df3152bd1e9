import { assertEquals } from "@std/assert";
import { Manager, type ManagerSettings } from "../../../src/cli/service_manager.ts";
import { watchdogPeriod } from "../../../src/cli/watchdog.ts";
import type { ServerEvent } from "../../../mod.ts";
import { until } from "../../tools/client.ts";

const WORKER = { kind: "main", id: 0 } as const;
const remoteAddr = { transport: "unix", path: "" } as const;
const accepted: ServerEvent = { type: "accepted", id: "0.1", remoteAddr, worker: WORKER, time: 0 };

/** A manager's socket: `room` datagrams go in, and `error` is thrown if it is one. */
function socket() {
  const told: string[] = [];
  const state = { told, room: Infinity, error: null as Error | null, closed: false };
  return {
    state,
    send(text: string) {
      if (state.error) throw state.error;
      if (state.room-- <= 0) return false;
      told.push(text);
      return true;
    },
    close: () => void (state.closed = true),
  };
}

function made(settings: Partial<ManagerSettings> = {}) {
  const { state, ...end } = socket();
  const unusable: unknown[] = [];
  const manager = new Manager(end, {
    pid: 7,
    microseconds: () => 42n,
    watchdog: null,
    stopTime: 10_000,
    unusable: (error) => unusable.push(error),
    ...settings,
  });
  return { manager, state, unusable };
}

Deno.test("what a manager has no room for is sent again, in its order", async () => {
  const { manager, state } = made();
  state.room = 0;
  manager.ready();
  manager.stopping();
  assertEquals(state.told, []);
  state.room = Infinity;
  await until("both", () => state.told.length === 2);
  assertEquals(state.told.map((text) => text.split("\n")[0]), ["READY=1", "STOPPING=1"]);
  manager.close();
  assertEquals(state.closed, true);
});

Deno.test("a manager that is gone is a warning, once, and is told more when it is back", () => {
  const { manager, state, unusable } = made();
  state.error = new Error("gone");
  manager.ready();
  manager.reloading(Promise.resolve());
  assertEquals(unusable, [state.error]);
  state.error = null;
  manager.stopping();
  assertEquals(state.told.length, 1);
  manager.close();
});

Deno.test("of reloads that overlap the last one's end is the end", async () => {
  const { manager, state } = made();
  manager.ready();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  manager.reloading(first.promise);
  manager.reloading(second.promise);
  first.resolve();
  await first.promise;
  await null;
  assertEquals(state.told.slice(1), Array(2).fill("RELOADING=1\nMONOTONIC_USEC=42"));
  second.reject(new Error("two\nlines"));
  await until("the end", () => state.told.length === 4);
  assertEquals(state.told[3], "READY=1\nSTATUS=not reloaded: two\\nlines; 0 connections");
  manager.close();
});

Deno.test("what was wrong with a reload is not told after one that went well", async () => {
  const { manager, state } = made();
  manager.ready();
  manager.reloading(Promise.reject(new Error("first")));
  manager.reloading(Promise.resolve());
  await until("the end", () => state.told.length === 4);
  assertEquals(state.told[3], "READY=1\nSTATUS=reloaded; 0 connections");
  manager.event(accepted);
  await until("the status", () => state.told.length === 5);
  assertEquals(state.told[4], "STATUS=1 connection");
  manager.close();
});

Deno.test("a reload that ends during the shutdown is not told: to stop is final", async () => {
  const { manager, state } = made();
  manager.ready();
  const reload = Promise.withResolvers<void>();
  manager.reloading(reload.promise);
  manager.stopping();
  reload.resolve();
  await reload.promise;
  await null;
  assertEquals(state.told.length, 3);
  manager.close();
});

Deno.test("how much there is to do is told at most once a second, and only if it changes", async () => {
  const { manager, state } = made();
  manager.event(accepted);
  manager.event({ type: "worker_exited", worker: WORKER, reason: "could not start", time: 0 });
  manager.ready();
  assertEquals(state.told, ["READY=1\nMAINPID=7\nSTATUS=1 connection"]);
  const start = performance.now();
  for (let i = 0; i < 100; i++) manager.event(accepted);
  await until("the status", () => state.told.length === 2);
  assertEquals(performance.now() - start > 900, true);
  assertEquals(state.told[1], "STATUS=101 connections");
  manager.event(accepted);
  const closed = { ...accepted, type: "closed", milliseconds: 0, reason: "handler" } as const;
  manager.event(closed);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assertEquals(state.told.length, 2);
  manager.close();
});

Deno.test("for a manager that hangs nothing piles up, and it is told how it is then", async () => {
  const { manager, state } = made({ watchdog: 5 });
  state.room = 0;
  manager.ready();
  manager.event(accepted);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  state.room = Infinity;
  await until("the status", () => state.told.includes("STATUS=1 connection"));
  const [first, ...others] = state.told;
  assertEquals(first, "READY=1\nMAINPID=7\nWATCHDOG=1\nSTATUS=0 connections");
  const early = others.slice(0, others.indexOf("STATUS=1 connection"));
  assertEquals(early.filter((text) => text !== "WATCHDOG=1"), []);
  manager.close();
});

Deno.test("a watchdog is answered at half of its time, if it waits for this process", () => {
  const warnings: string[] = [];
  const period = (usec?: string, pid?: string) =>
    watchdogPeriod(usec, pid, 7, (text) => warnings.push(text));
  assertEquals(
    [period(), period(""), period("3000000"), period("3000000", "7"), period("3000000", "8")],
    [null, null, 1500, 1500, null],
  );
  assertEquals([period("1"), period("99999999999999999")], [1, 2 ** 31 - 1]);
  assertEquals(warnings, []);
  assertEquals([period("0"), period("-1"), period("soon")], [null, null, null]);
  assertEquals(warnings.length, 3);
});
