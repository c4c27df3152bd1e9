import { assertEquals } from "@std/assert";
import { lifetime } from "../../../src/workers/lifetime.ts";
import { test } from "../../tools/unit.ts";

test("a worker's life is what was asked for, or up to a fifth less", () => {
  assertEquals(lifetime(0, 0.5), Infinity);
  for (const random of [0, 0.5, 0.999]) assertEquals(lifetime(1, random), 1);
  assertEquals([0, 0.5, 0.999].map((random) => lifetime(100, random)), [100, 90, 81]);
});
