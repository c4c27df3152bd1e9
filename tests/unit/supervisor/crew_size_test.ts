/** How many workers there should be: numbers in, numbers out. */
import { assertEquals } from "@std/assert";
import { CrewSize, type Headcount } from "../../../src/supervisor/crew_size.ts";
import { test } from "../../tools/unit.ts";

const none: Headcount = { starting: 0, idle: 0, all: 0, everReady: false };
const ready = (counts: Partial<Headcount>): Headcount => ({ ...none, everReady: true, ...counts });
const crew = (options: { spares?: number; limit?: number; together?: boolean } = {}) =>
  new CrewSize({ spares: 4, limit: 64, together: false, ...options });
const nobody = () => 0;
const unknown = () => null;

test("the first begins alone, unless all begin together", () => {
  assertEquals(crew().missing(none, nobody, false), 1);
  assertEquals(crew({ together: true }).missing(none, nobody, false), 4);
  assertEquals(crew().missing({ ...none, starting: 1, all: 1 }, nobody, false), 0);
});

test("spares are kept beside those that have a client", () => {
  assertEquals(crew().missing(ready({ idle: 1, all: 9 }), nobody, false), 3);
  assertEquals(crew().missing(ready({ idle: 1, starting: 2, all: 9 }), nobody, false), 1);
  assertEquals(crew().missing(ready({ idle: 4, all: 9 }), nobody, false), 0);
});

test("clients that wait get a worker each, when none is idle", () => {
  assertEquals(crew().missing(ready({ all: 9 }), () => 7, false), 11);
  assertEquals(crew().missing(ready({ idle: 1, all: 9 }), () => 7, false), 3);
  assertEquals(crew().missing(ready({ idle: 1, all: 9 }), () => 7, true), 10);
});

test("nobody asks how many wait while one is idle", () => {
  const asked = () => {
    throw new Error("asked");
  };
  assertEquals(crew().missing(ready({ idle: 4, all: 4 }), asked, false), 0);
  assertEquals(crew().missing(none, asked, false), 1);
});

test("where it is not known how many wait, twice as many start each time", () => {
  const size = crew({ spares: 1, limit: 1000 });
  const started = [1, 2, 3, 4, 5, 6].map(() => size.missing(ready({ all: 9 }), unknown, false));
  assertEquals(started, [2, 4, 8, 16, 32, 32]);
  size.surplus(1); // one was idle
  assertEquals(size.missing(ready({ all: 9 }), unknown, false), 2);
});

test("neither the limit nor the most that start at once is exceeded", () => {
  assertEquals(crew().missing(ready({ all: 62 }), () => 50, false), 2);
  assertEquals(crew({ limit: 1000 }).missing(ready({ all: 62 }), () => 50, false), 32);
  assertEquals(crew({ limit: 1000 }).missing(ready({ starting: 30, all: 62 }), () => 50, true), 2);
});

test("idle workers are let go after ten looks that found too many, one of eight at a time", () => {
  const size = crew();
  const looks = (idle: number, times: number) =>
    Array.from({ length: times }, () => size.surplus(idle));
  assertEquals(looks(13, 9), Array(9).fill(0));
  assertEquals(looks(13, 1), [2]);
  assertEquals(looks(5, 1), [1]);
  assertEquals(looks(4, 1), [0]);
  assertEquals(looks(13, 9), Array(9).fill(0), "one look found none too many");
});
