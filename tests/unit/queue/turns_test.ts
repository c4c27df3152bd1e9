import { assert, assertEquals } from "@std/assert";
import { QueueListener } from "../../../src/queue/queue_listener.ts";
import { type Counts, HEAD_START, Turns } from "../../../src/queue/turns.ts";
import { until } from "../../tools/client.ts";
import { settle, test } from "../../tools/unit.ts";

/** What workers have written, and what the test writes for some of them. */
class Sheet implements Counts {
  readonly #lines: number[] = [];

  write(line: number, open: number, takes: boolean): void {
    const wrote = (this.#lines[3 * line + 2] ?? 0) + 1;
    this.#lines.splice(3 * line, 3, open, takes ? 1 : 0, wrote);
  }

  read(): Int32Array {
    return Int32Array.from(this.#lines);
  }

  get open(): number[] {
    return this.#lines.filter((_, at) => at % 3 === 0);
  }
}

/** Two workers; the other is written by the test. */
function two(open: number, most = 1000, own = 1000): { sheet: Sheet; turns: Turns } {
  const sheet = new Sheet();
  sheet.write(0, 0, true);
  const turns = new Turns(sheet, 0, most, own);
  sheet.write(1, open, true);
  return { sheet, turns };
}

test("claim says that it is the turn of whoever has the fewest, or an eighth more", () => {
  const { sheet, turns } = two(0);
  assertEquals(turns.claim(0), "mine");
  assertEquals(turns.claim(0), "others");
  sheet.write(1, 1, true);
  assertEquals(turns.claim(0), "mine");
  sheet.write(1, 80, true);
  let taken = 2;
  while (turns.claim(0) === "mine") taken++;
  assertEquals(taken, 91);
  assertEquals(sheet.open, [91, 80]);
  turns.left();
  assertEquals(turns.claim(0), "mine");
});

test("claim passes over a worker that had the time and did not come, until it is heard of", () => {
  const { sheet, turns } = two(0);
  turns.claim(0);
  assertEquals(turns.claim(0), "others");
  let now = 0;
  const passedOver = () => {
    assertEquals(turns.claim(now + HEAD_START - 1), "others");
    now += HEAD_START;
    assertEquals(turns.claim(now), "mine");
    for (let n = 1;; n++) if (turns.claim(now) !== "mine") return n;
  };
  assertEquals([passedOver(), passedOver(), passedOver()], [4, 8, 16]); // it still computes
  sheet.write(1, 1, true);
  assertEquals(turns.claim(now), "others");
  sheet.write(1, 2, true);
  now += HEAD_START;
  assertEquals(turns.claim(now), "others"); // it came, and has fewer still
  assertEquals(turns.claim(now + HEAD_START), "mine"); // and not again
});

test("whoever lets others go first has its turn as soon as they have as many", () => {
  const { sheet, turns } = two(0);
  turns.claim(0);
  assertEquals(turns.claim(1), "others");
  sheet.write(1, 1, true);
  assertEquals(turns.claim(2), "mine");
  assertEquals(turns.claim(3), "others");
  turns.left();
  assertEquals(turns.claim(4), "mine");
});

test("a worker is not taken for busy where nobody waited", () => {
  const { sheet, turns } = two(0);
  turns.claim(0);
  turns.claim(0);
  assertEquals(turns.claim(HEAD_START), "mine");
  turns.missed();
  assertEquals(turns.claim(0), "others");
  assertEquals(sheet.open, [1, 0]);
});

test("a worker that takes no more has nobody wait, and still counts", () => {
  const { sheet, turns } = two(0, 3);
  turns.claim(0);
  sheet.write(1, 1, false);
  assertEquals([turns.claim(0), turns.claim(0)], ["mine", "full"]);
  sheet.write(1, 0, false);
  assertEquals(turns.claim(0), "mine");
});

test("no more are taken than all may have, and none more than one may have", () => {
  const { turns } = two(9, 10);
  assertEquals([turns.claim(0), turns.claim(0)], ["mine", "full"]);
  const own = two(9, 100, 2).turns;
  assertEquals([own.claim(0), own.claim(0), own.claim(0)], ["mine", "mine", "full"]);
});

test("who reserves the last place together with another gives it back", () => {
  const { sheet, turns } = two(1, 2);
  const { write } = Sheet.prototype;
  sheet.write = (line, open, takes) => {
    if (line === 0 && open === 1) write.call(sheet, 1, 2, true); // at the same moment
    write.call(sheet, line, open, takes);
  };
  assertEquals(turns.claim(0), "full");
  assertEquals(sheet.open, [0, 2]);
});

test("a worker that ends says so", () => {
  const { sheet, turns } = two(0);
  turns.claim(0);
  turns.end();
  assertEquals([...sheet.read()].slice(0, 2), [1, 0]);
});

test("claim gives the place back if others took the last ones meanwhile", () => {
  class Late extends Sheet {
    override write(line: number, open: number, takes: boolean): void {
      super.write(line, open, takes);
      if (line === 0 && open === 1) super.write(1, 12, true);
    }
  }
  const sheet = new Late();
  sheet.write(0, 0, true);
  const turns = new Turns(sheet, 0, 12, 1000);
  sheet.write(1, 9, true);
  assertEquals(turns.claim(0), "full");
  assertEquals(sheet.open, [0, 12]);
});

/** A listener on a queue in which nobody is, so that only its looks count. */
function listener(turns: Turns, rings: number) {
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
    shallLeave: () => false,
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
  await until("the second client", () => told.includes("begin") && told.at(-1) === "others");
  // It lets the other go first, then finds nobody; the bell rings for the next one.
  const mine = told.indexOf("mine");
  assertEquals(told.slice(mine, mine + 3), ["mine", "begin", "others"]);
  assert(times[mine] - times[0] >= HEAD_START - 1, `${times[mine] - times[0]} ms`);
  assertEquals(sheet.open[1], 0);
  queue.close();
  assertEquals(await accepting, null);
});

test("whoever lets others go first looks again when a connection of its own has ended", async () => {
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
