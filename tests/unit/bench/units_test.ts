import { assertEquals } from "@std/assert";
import { formatMemory, formatTime } from "../../../src/bench/scenarios.ts";
import { test } from "../../tools/unit.ts";

test("formatTime() and formatMemory() use the unit that suits", () => {
  assertEquals([0.4, 12.34, 999.4, 999.9, 12_345, 2_345_678].map(formatTime), [
    "0.40 µs",
    "12.3 µs",
    "999 µs",
    "1.00 ms",
    "12.3 ms",
    "2.35 s",
  ]);
  assertEquals([7.81, 13_000].map(formatMemory), ["7.81 KiB", "12.7 MiB"]);
});
