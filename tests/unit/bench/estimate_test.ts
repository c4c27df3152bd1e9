import { assertEquals } from "@std/assert";
import { Estimate } from "../../../src/bench/estimate.ts";
import { test } from "../../tools/unit.ts";

test("Estimate: a run that took long makes its own server's later rounds longer, no other's", () => {
  const round = ["quick", "slow"].map((kind) => ({ kind, expected: 5000 }));
  const estimate = new Estimate([...round, ...round, ...round]);
  assertEquals(estimate.left(0), 30_000);
  assertEquals(estimate.left(2000), 28_000);
  estimate.ended(5000);
  assertEquals(estimate.left(9000), 20_000, "a run that is late takes nothing from the others");
  estimate.ended(15_000);
  assertEquals([estimate.done, estimate.all], [2, 6]);
  assertEquals(estimate.left(0), 5000 + 15_000 + 5000 + 15_000);
  assertEquals(estimate.part(0), 20_000 / 60_000);
});
