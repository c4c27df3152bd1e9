/** Workers that hold too much memory. */
import { assertEquals } from "@std/assert";
import { MEMORY_INTERVAL } from "../../../src/supervisor/worker_memory.ts";
import { until } from "../../tools/client.ts";
import { delay, test } from "../../tools/unit.ts";
import { withCrew } from "./crew.ts";

test("a worker that holds too much leaves after its client, one that holds twice as much is ended", async () => {
  const MIB = 2 ** 20;
  const held = new Map<number, number>();
  const memory = { limit: 10, of: (pid: number) => held.get(pid) ?? null };
  await withCrew({ spares: 3, memory }, async (crew) => {
    const [modest, grown, huge] = crew.all;
    for (const worker of [modest, grown, huge]) worker.accept();
    held.set(modest.name.id, 10 * MIB).set(grown.name.id, 11 * MIB).set(huge.name.id, 21 * MIB);
    await until("a kill", () => huge.kills > 0);
    assertEquals([modest.orders, grown.orders, grown.kills], [[], ["leave"], 0]);
    huge.exit("SIGKILL");
    grown.close();
    grown.exit("exit");
    const why = (mib: number) => `it held ${mib} MiB of memory, and may hold 10`;
    assertEquals(crew.told("worker_exited").map(({ reason }) => reason), [why(21), why(11)]);
    assertEquals(crew.told("closed").map(({ reason, error }) => [reason, error]), [
      ["worker", why(21)],
      ["handler", undefined],
    ]);
    modest.close();
  });
});

test("a worker that holds too much before it has served is left alone: the next would be no smaller", async () => {
  const memory = { limit: 10, of: () => 15 * 2 ** 20 };
  await withCrew({ spares: 1, memory }, async (crew) => {
    await delay(2 * MEMORY_INTERVAL);
    assertEquals(crew.all.map(({ orders, kills }) => [orders, kills]), [[[], 0]]);
  });
});
