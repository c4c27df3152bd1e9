import { assertEquals } from "@std/assert";
import { benchJson } from "../../../src/bench/json.ts";
import { SCENARIOS } from "../../../src/bench/scenarios.ts";
import { summarize } from "../../../src/bench/summary.ts";
import { test } from "../../tools/unit.ts";
import { outcomes } from "./outcomes.ts";

test("benchJson() names the command line, and the unit of each time", () => {
  const runs = new Map([["a", outcomes(10)]]);
  const waits = { silent: "over 2 s", computes: 400, crashes: "server died" };
  const result = JSON.parse(benchJson({
    about: "a machine",
    command: "trivet bench --seconds 2",
    conditions: "1 round",
    summaries: [summarize(SCENARIOS.message, 50, 100, runs)],
    blocked: [{ name: "b", waits, error: null }],
  }));
  assertEquals(result.command, "trivet bench --seconds 2");
  assertEquals(result.blocked, [{ name: "b", error: null, waitsMicroseconds: waits }]);
  // outcomes.ts: 1,000 times from 500 µs to twice of it.
  const { latency } = result.scenarios[0].servers[0].runs[0];
  assertEquals(latency.maxMicroseconds, 999.5);
  const pairs: [number, number][] = latency.microsecondsAndCounts;
  assertEquals(pairs.reduce((sum, [, count]) => sum + count, 0), 1000);
  const [least, most] = [pairs[0][0], pairs.at(-1)![0]];
  assertEquals([Math.abs(least - 500) < 8, Math.abs(most - 999.5) < 16], [true, true]);
});
