/** Waiting. */
import { assertEquals } from "@std/assert";
import { Later, patience } from "../../../src/connection/delay.ts";
import { until } from "../../tools/client.ts";
import { delay, test } from "../../tools/unit.ts";

test("patience does not end because the thread was held up, and can be ended", async () => {
  let over = 0;
  patience(100, () => over++);
  const stop = patience(50, () => over += 100);
  for (const end = performance.now() + 300; performance.now() < end;);
  await delay(0);
  assertEquals(over, 0, "a pause was counted as time");
  stop();
  await until("its end", () => over > 0);
  assertEquals(over, 1);
});

test("a later call comes once, however often it was asked for, and not when stopped", async () => {
  let calls = 0;
  const later = new Later(() => void calls++);
  later.in(5);
  later.in(5);
  assertEquals(later.waits, true);
  await delay(20);
  assertEquals([calls, later.waits], [1, false]);
  later.in(5);
  later.stop();
  assertEquals(later.waits, false);
  await delay(20);
  assertEquals(calls, 1);
  later.in(0);
  await delay(5);
  assertEquals(calls, 2);
});
