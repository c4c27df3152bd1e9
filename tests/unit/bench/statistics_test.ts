import { assert, assertEquals } from "@std/assert";
import { Histogram, median, spread } from "../../../src/bench/statistics.ts";
import { test } from "../../tools/unit.ts";

test("median() and spread() of odd and even numbers of values", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 7]), 6);
  assertEquals(spread([90, 100, 120]), 0.15);
});

test("Histogram tells percentiles within 1.6 %, and the largest time exactly", () => {
  const times = new Histogram();
  for (let ms = 1; ms <= 10_000; ms++) times.add(ms / 10);
  for (const part of [0.01, 0.5, 0.9, 0.99, 0.999]) {
    const right = part * 1_000_000;
    const wrong = Math.abs(times.percentile(part) - right) / right;
    assert(wrong < 0.016, `${part}: ${times.percentile(part)} instead of ${right}`);
  }
  assertEquals(times.max, 1_000_000);
  const copy = new Histogram();
  copy.addAll(JSON.parse(JSON.stringify(times.data())));
  assertEquals(copy.total, 10_000);
  assertEquals(copy.percentile(0.5), times.percentile(0.5));
  assertEquals(copy.max, times.max);
});
