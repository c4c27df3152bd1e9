import { assert, assertEquals } from "@std/assert";
import { QueueListener } from "../../../src/queue/queue_listener.ts";
import { HEAD_START, type Turns } from "../../../src/queue/turns.ts";
import { until } from "../../tools/client.ts";
import { settle, test } from "../../tools/unit.ts";
import { two } from "./sheet.ts";

/**
 * A listener on a queue in which nobody is, so that only its looks count.
 * @param shallLeave whether it has the order to leave
 */
function listener(turns: Turns, rings: number, shallLeave = () => false) {
  const times: number[] = [];
  const told: string[] = [];
  const stopped = Promise.withResolvers<void>();
  const listener = new QueueListener({
    bell: {
      ring: () => rings-- > 0 ? Promise.resolve() : stopped.promise,
      stop: () => stopped.resolve(),
    },
    turns: Object.assign(Object.create(turns), {
      claim(now: number) {
        const turn = turns.claim(now);
        times.push(now);
        told.push(turn);
        return turn;
      },
      begin: () => (told.push("begin"), turns.begin()),
      missed: () => turns.missed(),
      left: () => turns.left(),
      end: () => turns.end(),
    }),
    accept: () => null, // another was faster
    shallLeave,
    connect: () => {
      throw new Error("nobody was accepted");
    },
  });
  return { listener, times, told };
}

test("those with fewer have a head start for each client, also after one that another took", async () => {
  const { sheet, turns } = two(0);
  turns.claim(0);
  const { listener: queue, told, times } = listener(turns, 1);
  const accepting = queue.accept();
  const mine = () => told.indexOf("mine");
  await until("the second client", () => mine() >= 0 && told.length >= mine() + 3);
  // It lets the other go first, then finds nobody; the bell rings for the next one.
  assertEquals(told.slice(mine(), mine() + 3), ["mine", "begin", "others"]);
  const waited = times[mine()] - times[0];
  assert(waited >= HEAD_START - 1, `${waited} ms`);
  assertEquals(sheet.open[1], 0);
  queue.close();
  assertEquals(await accepting, null);
});

test("a worker that lets others go first looks again when a connection of its own has ended", async () => {
  const { turns } = two(0);
  turns.claim(0);
  const { listener: queue, told } = listener(turns, 0);
  const accepting = queue.accept();
  assertEquals(told, ["others"]);
  queue.left();
  await settle();
  assertEquals(told, ["others", "mine"]);
  queue.close();
  assertEquals(await accepting, null);
});

test("a worker that shall leave looks for no client, and no longer than for a burst", async () => {
  const { turns } = two(9);
  const early = listener(turns, 0, () => true);
  assertEquals(await early.listener.accept(), null);
  assertEquals(early.told, []);

  let shallLeave = false;
  const late = listener(turns, Infinity, () => shallLeave);
  const accepting = late.listener.accept();
  await until("it looks", () => late.told.includes("mine"));
  shallLeave = true;
  assertEquals(await accepting, null);
});
