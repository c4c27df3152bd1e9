import { assert } from "@std/assert";
import { SCENARIOS } from "../../../src/bench/scenarios.ts";
import { summarize } from "../../../src/bench/summary.ts";
import { blockedText, summaryText } from "../../../src/bench/table.ts";
import { test } from "../../tools/unit.ts";
import { gone, outcomes } from "./outcomes.ts";

for (const scenario of Object.values(SCENARIOS)) {
  test(`the tables of ${scenario.load} have 80 columns at most`, () => {
    const runs = new Map([
      ["multiplex node", outcomes(1_234_567, 1_334_567)],
      ["a very long name of a server", outcomes(99)],
      ["gone", [gone]],
    ]);
    const lines = summaryText(summarize(scenario, 100_000, 1_048_576, runs)).split("\n");
    for (const line of lines) assert(line.length <= 80, `${line.length}: ${line}`);
    assert(lines.includes("! gone: died: exit code 7"));
  });
}

test("under blocked a line tells what it has no use for", () => {
  const lines = blockedText([], ["--handler", "--size"]).split("\n");
  assert(lines.includes("! blocked has no use for --handler, --size: its handler is its own"));
});
