import { assert, assertEquals } from "@std/assert";
import type { RunOutcome } from "../../../src/bench/measure.ts";
import { SCENARIOS } from "../../../src/bench/scenarios.ts";
import { summarize } from "../../../src/bench/summary.ts";
import { test } from "../../tools/unit.ts";
import { gone, measured, outcomes } from "./outcomes.ts";

const wrong: RunOutcome = { error: "wrong bytes: so many", wrongBytes: true };
const noisy: RunOutcome = {
  measured: measured(100),
  notes: ["other processes used 7 % of the machine"],
};

test("summarize() takes the longest time of all rounds", () => {
  const runs = [0.5, 4, 0.7].map((latency): RunOutcome => ({
    measured: measured(100, latency),
    notes: [],
  }));
  const [{ figures }] = summarize(SCENARIOS.message, 50, 100, new Map([["a", runs]])).rows;
  assertEquals(figures.maxMicroseconds, 7996);
  assert(figures.p50Microseconds! < 1100, "of the usual times it takes the median");
});

test("summarize() takes medians, and ratios to the first server that has figures", () => {
  const { rows } = summarize(
    SCENARIOS.message,
    50,
    100,
    new Map([
      ["missing", [gone]],
      ["a", outcomes(1000, 3000, 2000)],
      ["b", [...outcomes(4000, 4000), gone]],
      ["c", [wrong, ...outcomes(9000)]],
      ["d", [noisy, noisy, ...outcomes(100)]],
    ]),
  );
  assertEquals(rows.map(({ main }) => main), [null, 2000, 4000, null, 100]);
  assertEquals(rows.map(({ ratio }) => ratio), [null, 1, 2, null, 0.05]);
  assertEquals(rows[1].spread, 0.5);
  assertEquals(rows[1].figures.cpuMicrosecondsPerMessage, 450);
  assertEquals(rows[1].figures.memoryKibPerConnection, 20);
  assertEquals(rows[2].notes, ["one round failed: died: exit code 7"]);
  assertEquals(rows[3].error, "wrong bytes: so many");
  assertEquals(rows[4].notes, ["other processes used 7 % of the machine, in 2 of 3 rounds"]);
});
