import { assertEquals } from "@std/assert";
import type { RefusalReason, UntimedEvent } from "../../../src/events.ts";
import { EventThrottle } from "../../../src/serving/event_throttle.ts";
import { delay, test } from "../../tools/unit.ts";

const remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 50_000 } as const;
const worker = { kind: "main", id: 0 } as const;

/** Counts of each kind, in the order in which they came. */
function throttle(interval: number) {
  const told: [string, number][] = [];
  const sink = (event: UntimedEvent) =>
    void told.push([
      event.type === "refused" ? event.reason : event.type,
      "count" in event ? event.count : 0,
    ]);
  return { throttle: new EventThrottle(sink, interval), told };
}

test("of a flood the first is told at once, then one in each interval counts the others", async () => {
  const { throttle: all, told } = throttle(30);
  const { event } = all;
  const refuse = (times: number, reason: RefusalReason = "source") => {
    for (let i = 0; i < times; i++) event({ type: "refused", remoteAddr, reason, count: 1 });
  };
  refuse(1000);
  refuse(5, "connections");
  event({ type: "accept_failed", code: "EMFILE", count: 1, worker });
  event({ type: "worker_started", worker });
  event({ type: "worker_started", worker });
  assertEquals(told, [
    ["source", 1],
    ["connections", 1],
    ["accept_failed", 1],
    ["worker_started", 0],
    ["worker_started", 0],
  ]);
  told.length = 0;
  await delay(40);
  assertEquals(told, [["source", 999], ["connections", 4]]);
  refuse(3);
  assertEquals(told.length, 2); // the next interval has begun
  all.flush();
  assertEquals(told.slice(2), [["source", 3]]);
  refuse(1);
  assertEquals(told.at(-1), ["source", 1]);
  all.flush();
});

test("what comes seldom is told each time", async () => {
  const { throttle: all, told } = throttle(5);
  for (let i = 0; i < 3; i++) {
    all.event({ type: "accept_failed", code: "EMFILE", count: 1, worker });
    await delay(15);
  }
  assertEquals(told.map(([, count]) => count), [1, 1, 1]);
  all.flush();
});

test("what comes before the server listens is told behind `listening`, in its order", () => {
  const { throttle: all, told } = throttle(30);
  all.hold();
  all.event({ type: "worker_started", worker });
  all.event({ type: "refused", remoteAddr, reason: "source", count: 1 });
  assertEquals(told, []);
  all.release({
    type: "listening",
    addr: remoteAddr,
    model: "process",
    handler: "file:///echo.ts",
    pid: 1,
    workers: 0,
    maxConnections: 64,
  });
  all.event({ type: "reloaded" });
  assertEquals(told.map(([type]) => type), ["listening", "worker_started", "source", "reloaded"]);
  all.flush();
});

test("a warning that each worker repeats is told once, and others are told", () => {
  const { throttle: all, told } = throttle(30);
  for (let i = 0; i < 3; i++) {
    for (const message of ["one", "two"]) all.event({ type: "warning", message });
  }
  assertEquals(told, [["warning", 0], ["warning", 0]]);
});
