/** Records, one at a time. */
import { assertEquals } from "@std/assert";
import { Records } from "../../../src/tls/records.ts";
import { test } from "../../tools/unit.ts";

test("records come whole and in order, however they were cut", () => {
  const stream = [22, 3, 1, 0, 3, 7, 7, 7, 23, 3, 3, 0, 0, 23, 3, 3, 1, 0, ...Array(256).fill(9)];
  for (let size = 1; size <= stream.length; size++) {
    const records = new Records();
    const taken: number[] = [];
    for (let at = 0; at < stream.length; at += size) {
      records.add(Uint8Array.from(stream.slice(at, at + size)));
      while (records.has()) taken.push(records.take().length);
    }
    assertEquals(taken, [8, 5, 261], `in pieces of ${size}`);
    assertEquals(records.has(), false);
  }
});

test("what is no record is given on at once", () => {
  const records = new Records();
  records.add(new TextEncoder().encode("plain text"));
  assertEquals(records.has(), true);
  assertEquals(records.take().length, 10);
  assertEquals(records.has(), false);
});

test("what no record begins with is given as it is, and not waited for", () => {
  for (
    const begin of [[71], [23, 4], [22, 3, 3, 255, 255]]
  ) {
    const records = new Records();
    records.add(Uint8Array.from(begin));
    assertEquals(records.has(), true);
    assertEquals([...records.take()], begin);
  }
});
