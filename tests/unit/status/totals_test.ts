import { assertEquals } from "@std/assert";
import { BUCKETS, Durations, errorKind, exitKind } from "../../../src/status/totals.ts";
import { test } from "../../tools/unit.ts";

test("a duration is in the first bucket that it does not exceed, and in the last one without", () => {
  const durations = new Durations();
  for (const milliseconds of [0, 10, 11, 86_400_000, 86_400_001]) durations.add(milliseconds);
  assertEquals(durations.counts[0], 2);
  assertEquals(durations.counts[1], 1);
  assertEquals(durations.counts.slice(-2), [1, 1]);
  assertEquals(durations.counts.length, BUCKETS.length + 1);
  assertEquals(durations.sum, 172_800_022);
});

test("how a worker ended is one of few words", () => {
  for (const [reason, kind] of [["exit", "exit"], ["SIGKILL", "SIGKILL"], ["oh", "other"]]) {
    assertEquals(exitKind(reason), kind);
  }
  assertEquals(exitKind("exit code 3"), "exit code");
});

test("a code is one of the system's, or other", () => {
  assertEquals(errorKind("ECONNRESET"), "ECONNRESET");
  for (const code of [undefined, "", "ERR_X", "E\n", `E${"X".repeat(100)}`]) {
    assertEquals(errorKind(code), code === "ERR_X" ? "ERR_X" : "other");
  }
});
