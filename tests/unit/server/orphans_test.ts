import { assertEquals } from "@std/assert";
import { reapForeign } from "../../../src/server/orphans.ts";
import { until } from "../../tools/client.ts";
import { delay, test } from "../../tools/unit.ts";

test("a child that the runtime leaves is reaped, one that it reaps itself is not", async () => {
  let ended = [11, 12, 13];
  const reaped: number[] = [];
  const stop = reapForeign(
    {
      ended: () => ended[0] ?? null,
      reap(pid) {
        reaped.push(pid);
        ended = ended.filter((other) => other !== pid);
      },
    },
    20,
    20,
  );
  await delay(30);
  assertEquals(reaped, []); // seen once
  ended = [12, 13]; // the runtime has reaped 11
  await until("the others are reaped", () => ended.length === 0);
  assertEquals(reaped, [12, 13]);
  await delay(30);
  stop();
});
