/** What counts as too slow, and what only seems to. */
import { assertEquals } from "@std/assert";
import { RateWatch } from "../../../src/connection/slow_peer.ts";
import { test } from "../../tools/unit.ts";

/** A hundred bytes a second, over ten. */
const open = () => new RateWatch({ minRate: 100, grace: 10_000 });

/** A read that has waited, and what is thought of it when the handler reads again. */
function read(watch: RateWatch, milliseconds: number, bytes: number): boolean {
  watch.read(milliseconds, bytes);
  return watch.sendsTooSlowly();
}

test("a byte a minute of a message is too slow; a byte a minute that is answered is a message each", () => {
  const watch = open();
  assertEquals([read(watch, 60_000, 1), read(watch, 60_000, 1)], [false, true]);
  const answered = open();
  for (let i = 0; i < 10; i++) {
    assertEquals(read(answered, 60_000, 1), false);
    answered.answered();
  }
});

test("fast enough is fast enough, over each window anew", () => {
  const watch = open();
  for (let second = 0; second < 60; second++) assertEquals(read(watch, 1000, 110), false);
  const bits = Array.from({ length: 30 }, () => read(watch, 1000, 50));
  assertEquals(bits.includes(true), true, "what came long ago helps for ever");
});

test("silence is no matter, nor is a message whose end comes late and is answered", () => {
  const watch = open();
  read(watch, 0, 50);
  for (let second = 0; second < 60; second++) assertEquals(read(watch, 1000, 0), false);
  watch.read(0, 50);
  watch.answered();
  assertEquals(watch.sendsTooSlowly(), false);
});

test("the handler's own time does not count", () => {
  const watch = open();
  for (let i = 0; i < 100; i++) assertEquals(read(watch, 0, 1), false);
});

test("a peer that takes nothing, or little, is too slow when the time is over, and no other", () => {
  const watch = open();
  assertEquals([watch.write(6000, 0), watch.write(6000, 0)], [false, true]);
  const slow = open();
  for (let i = 0; i < 9; i++) assertEquals(slow.write(1000, 50), false);
  assertEquals(slow.write(1000, 50), true);
  const other = open();
  for (let i = 0; i < 100; i++) assertEquals(other.write(1000, 100), false);
});
