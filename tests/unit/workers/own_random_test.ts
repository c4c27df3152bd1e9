import { assert, assertEquals } from "@std/assert";
import { installOwnRandom } from "../../../src/workers/own_random.ts";
import { test } from "../../tools/unit.ts";

/** Bytes that are told, as two processes with the same memory get other ones. */
function filler(...seeds: number[]): (bytes: Uint8Array) => void {
  return (bytes) => void bytes.fill(seeds.shift()!);
}

const draw = () => Array.from({ length: 1000 }, () => Math.random());

test("random numbers begin elsewhere when they are renewed, for whoever kept the function", () => {
  const engines = Math.random;
  const own = installOwnRandom(filler(1, 2, 1));
  try {
    const { random } = Math;
    const first = draw();
    own.renew();
    assert(draw().join() !== first.join());
    own.renew();
    assertEquals(Array.from({ length: 1000 }, () => random()), first);
  } finally {
    own.remove();
  }
  assertEquals(Math.random, engines);
});

test("random numbers are from 0 up to 1, spread evenly", () => {
  const own = installOwnRandom((bytes) => void crypto.getRandomValues(bytes));
  try {
    const numbers = Array.from({ length: 100_000 }, () => Math.random());
    assert(numbers.every((number) => number >= 0 && number < 1));
    const tenths = new Array(10).fill(0);
    for (const number of numbers) tenths[Math.floor(number * 10)]++;
    // 10,000 each; the standard deviation is 95.
    for (const count of tenths) assert(Math.abs(count - 10_000) < 700, `${tenths}`);
    assertEquals(new Set(numbers).size, numbers.length);
  } finally {
    own.remove();
  }
});

test("a state of nothing but zeros, which would stay, is never taken", () => {
  const own = installOwnRandom(filler(0, 0, 3));
  try {
    assert(draw().some((number) => number !== 0));
  } finally {
    own.remove();
  }
});
