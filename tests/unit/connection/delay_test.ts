/** Waiting. */
import { assertEquals } from "@std/assert";
import { patience } from "../../../src/connection/delay.ts";
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
