/** One after another, each in its own time. */
import { assert, assertEquals } from "@std/assert";
import { Spread, spreadingOf } from "../../../src/serving/spread.ts";
import { until } from "../../tools/client.ts";
import { test } from "../../tools/unit.ts";

const ALL = ["a", "b", "c", "d"];

test("each is told in its turn, not before its time, and ended not before its grace is over", async () => {
  const told: [string, number][] = [];
  const ended: [string, number][] = [];
  const start = performance.now();
  const spreading = spreadingOf({ drainSpread: 200, shutdownTimeout: 300 })!;
  new Spread(
    ALL,
    spreading,
    (one) => told.push([one, performance.now() - start]),
    (one) => ended.push([one, performance.now() - start]),
  );
  await until("the last", () => ended.length === ALL.length);
  for (const [all, delay] of [[told, 0], [ended, 100]] as const) {
    assertEquals(all.map(([one]) => one), ALL);
    all.forEach(([, at], i) => assert(at >= delay + 50 * i, `${all}`));
  }
});

test("who is stopped tells and ends nobody any more", async () => {
  const seen: string[] = [];
  const spread = new Spread(
    ALL,
    { over: 40, grace: 0, phase: 0 },
    (one) => seen.push(one),
    (one) => seen.push(one),
  );
  await until("the first", () => seen.length > 0);
  spread.stop();
  const before = seen.length;
  await new Promise((resolve) => setTimeout(resolve, 80));
  assertEquals(seen.length, before);
});

test("nobody is ended who has not been told, however many there are and however little grace", async () => {
  const told = new Set<number>();
  let early = 0;
  let ended = 0;
  new Spread(
    Array.from({ length: 5000 }, (_, i) => i),
    { over: 300, grace: 0, phase: 0 },
    (one) => told.add(one),
    (one) => {
      ended++;
      if (!told.has(one)) early++;
    },
  );
  await until("the last", () => ended === 5000);
  assertEquals(early, 0);
});

test("who is told may stop it, and no timer is left", async () => {
  const seen: string[] = [];
  let stop = () => {};
  const spread = new Spread(
    ALL,
    { over: 40, grace: 10, phase: 0 },
    (one) => {
      seen.push(one);
      stop();
    },
    (one) => seen.push(one),
  );
  stop = () => spread.stop();
  await until("the first", () => seen.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 80));
  assertEquals(seen, ["a"]);
});

test("without the option there is nothing to spread", () => {
  assertEquals(spreadingOf({ drainSpread: 0, shutdownTimeout: 300 }), null);
});
