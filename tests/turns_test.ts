import { assertEquals } from "@std/assert";
import { QueueListener } from "../src/queue_listener.ts";
import { type Counts, Turns } from "../src/turns.ts";
import { until } from "./client.ts";
import { test } from "./unit.ts";

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

test("look says that it is the turn of who has the fewest, or an eighth more", () => {
  const { sheet, turns } = two(0);
  assertEquals(turns.look(false), "mine");
  assertEquals(turns.look(false), "others");
  sheet.write(1, 1, true);
  assertEquals(turns.look(false), "mine");
  sheet.write(1, 80, true);
  let taken = 2;
  while (turns.look(false) === "mine") taken++;
  assertEquals(taken, 91);
  assertEquals(sheet.open, [91, 80]);
  turns.left();
  assertEquals(turns.look(false), "mine");
});

test("look passes over a worker that had the time and did not come, until it is heard of", () => {
  const { sheet, turns } = two(0);
  turns.look(false);
  assertEquals(turns.look(false), "others");
  const passedOver = () => {
    assertEquals(turns.look(true), "mine");
    for (let n = 1;; n++) if (turns.look(false) !== "mine") return n;
  };
  assertEquals([passedOver(), passedOver(), passedOver()], [4, 8, 16]); // it still computes
  sheet.write(1, 1, true);
  assertEquals(turns.look(false), "others");
  sheet.write(1, 2, true);
  assertEquals(turns.look(true), "others"); // it came, and has fewer still
});

test("a worker is not taken for busy where nobody waited", () => {
  const { sheet, turns } = two(0);
  turns.look(false);
  turns.look(false);
  assertEquals(turns.look(true), "mine");
  turns.missed();
  assertEquals(turns.look(false), "others");
  assertEquals(sheet.open, [1, 0]);
});

test("a worker that takes no more has nobody wait, and still counts", () => {
  const { sheet, turns } = two(0, 3);
  turns.look(false);
  sheet.write(1, 1, false);
  assertEquals([turns.look(false), turns.look(false)], ["mine", "full"]);
  sheet.write(1, 0, false);
  assertEquals(turns.look(false), "mine");
});

test("no more are taken than all may have, and none more than one may have", () => {
  const { turns } = two(9, 10);
  assertEquals([turns.look(false), turns.look(false)], ["mine", "full"]);
  const own = two(9, 100, 2).turns;
  assertEquals([own.look(false), own.look(false), own.look(false)], ["mine", "mine", "full"]);
});

test("who reserves the last place together with another gives it back", () => {
  const { sheet, turns } = two(1, 2);
  const { write } = Sheet.prototype;
  sheet.write = (line, open, takes) => {
    if (line === 0 && open === 1) write.call(sheet, 1, 2, true); // at the same moment
    write.call(sheet, line, open, takes);
  };
  assertEquals(turns.look(false), "full");
  assertEquals(sheet.open, [0, 2]);
});

test("a worker that ends says so", () => {
  const { sheet, turns } = two(0);
  turns.look(false);
  turns.end();
  assertEquals([...sheet.read()].slice(0, 2), [1, 0]);
});

test("look gives the place back if others took the last ones meanwhile", () => {
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
  assertEquals(turns.look(false), "full");
  assertEquals(sheet.open, [0, 12]);
});

test("those with fewer have a head start for each client, also after one that another took", async () => {
  const { sheet, turns } = two(0);
  turns.look(false);
  const looks: boolean[] = [];
  const bell = { ring: () => Promise.withResolvers<void>().promise, stop: () => {} };
  let rings = 0;
  const listener = new QueueListener({
    bell: { ...bell, ring: () => ++rings === 1 ? Promise.resolve() : bell.ring() },
    turns: Object.assign(Object.create(turns), {
      look(waited: boolean) {
        looks.push(waited);
        return turns.look(waited);
      },
      missed: () => turns.missed(),
      left: () => turns.left(),
      end: () => turns.end(),
    }),
    accept: () => null, // the other was faster
    shallLeave: () => false,
    connect: () => null,
  });
  const accepting = listener.accept();
  await until("the second client", () => looks.length >= 3);
  // It lets the other go first, then finds nobody; the bell rings for the next one.
  assertEquals(looks.slice(0, 3), [false, true, false]);
  assertEquals(sheet.open[1], 0);
  listener.close();
  assertEquals(await accepting, null);
});
