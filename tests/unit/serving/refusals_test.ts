/** Who is let in, by the numbers. */
import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import type { RefusalReason, UntimedEvent } from "../../../src/events.ts";
import { EventThrottle } from "../../../src/serving/event_throttle.ts";
import { Refusals, sourceOf } from "../../../src/serving/refusals.ts";
import { lifetime } from "../../../src/workers/lifetime.ts";
import { delay, test } from "../../tools/unit.ts";

const tcp = (hostname: string): Address => ({ transport: "tcp", hostname, port: 50_000 });

test("a source is an IPv4 address, however written, or an IPv6 /64", () => {
  const same = (...hosts: string[]) =>
    assertEquals(new Set(hosts.map((host) => sourceOf(tcp(host)))).size, 1, hosts.join());
  same("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207");
  same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2:0::9");
  const hosts = [
    "192.0.2.7",
    "192.0.2.8",
    "2001:db8:1:2::1",
    "2001:db8:1:3::1",
    "::1",
    "::1:0:0:0:1",
  ];
  assertEquals(new Set(hosts.map((host) => sourceOf(tcp(host)))).size, hosts.length);
  assertEquals(sourceOf({ transport: "unix", path: "/socket" }), null);
});

function refusals(connections: number, perSource: number) {
  const refused: RefusalReason[] = [];
  const onRefused = (_: Address, reason: RefusalReason) => void refused.push(reason);
  return { door: new Refusals({ connections, perSource, onRefused }), refused };
}

test("who is beyond a limit is refused until one leaves, and takes no place", () => {
  const { door, refused } = refusals(3, 2);
  const [a, b] = [tcp("192.0.2.1"), tcp("192.0.2.2")];
  assertEquals([a, a, a, b, b].map((address) => door.admit(address)), [
    true,
    true,
    false,
    true,
    false,
  ]);
  assertEquals(refused, ["source", "connections"]);
  door.leave(b);
  assertEquals(door.admit(a), false);
  door.leave(a);
  assertEquals([door.admit(b), door.admit(a), door.admit(a)], [true, true, false]);
});

test("connections over a Unix socket are from nowhere", () => {
  const { door } = refusals(Infinity, 1);
  const address = { transport: "unix", path: "" } as const;
  for (let i = 0; i < 5; i++) assert(door.admit(address));
  for (let i = 0; i < 5; i++) door.leave(address);
});

test("a worker's life is what was asked for, or up to a fifth less", () => {
  assertEquals(lifetime(0, 0.5), Infinity);
  for (const random of [0, 0.5, 0.999]) assertEquals(lifetime(1, random), 1);
  assertEquals([0, 0.5, 0.999].map((random) => lifetime(100, random)), [100, 90, 81]);
});

const remoteAddr = tcp("192.0.2.1");
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
