import { assertEquals } from "@std/assert";
import { HEAD_START, Turns } from "../../../src/queue/turns.ts";
import { test } from "../../tools/unit.ts";
import { Sheet, two } from "./sheet.ts";

test("claim() gives the turn to the worker with the fewest connections, or with up to an eighth more", () => {
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

test("claim() passes over a worker that had the time and did not come, until it writes again", () => {
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

test("a worker that lets others go first has its turn as soon as they have as many", () => {
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

test("a worker that takes no more keeps nobody waiting, and still counts", () => {
  const { sheet, turns } = two(0, 3);
  turns.claim(0);
  sheet.write(1, 1, false);
  assertEquals([turns.claim(0), turns.claim(0)], ["mine", "full"]);
  sheet.write(1, 0, false);
  assertEquals(turns.claim(0), "mine");
});

test("no more are taken than all workers may have, nor than one may have", () => {
  const { turns } = two(9, 10);
  assertEquals([turns.claim(0), turns.claim(0)], ["mine", "full"]);
  const own = two(9, 100, 2).turns;
  assertEquals([own.claim(0), own.claim(0), own.claim(0)], ["mine", "mine", "full"]);
});

test("a worker that reserves the last place at the same moment as another gives it back", () => {
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

test("claim() gives the place back if others took the last ones meanwhile", () => {
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
