import { assert, assertEquals } from "@std/assert";
import { Pattern } from "../../../src/bench/pattern.ts";
import { test, text } from "../../tools/unit.ts";

for (const size of [1, 2, 7, 100, 4096, 65536]) {
  test(`Pattern of ${size} bytes: no "bye", and a buffer is never a whole cycle`, () => {
    const { period, bytes, messages } = new Pattern(size);
    const twice = text(bytes.slice(0, period)) + text(bytes.slice(0, 2));
    assert(!/bye/i.test(twice), "there is a bye");
    assert(messages.every((message) => message.length === size && message[size - 1] === 10));
    assertEquals(period % 8, 0);
    if (size === 1) return; // all newlines: there is nothing to tell apart
    for (const lost of [size, 512, 1024, 4096, 65536]) {
      const moved = bytes.slice(0, 64).every((byte, at) => byte === bytes[(at + lost) % period]);
      assert(!moved, `${lost} lost bytes would not be noticed`);
    }
  });
}

test("Pattern.compare() finds each wrong byte at each place", () => {
  const pattern = new Pattern(100);
  const buffer = new Uint8Array(256);
  const words = new Int32Array(buffer.buffer);
  for (let position = 0; position < 24; position++) {
    for (const length of [1, 2, 3, 4, 5, 31, 100]) {
      buffer.set(pattern.bytes.subarray(position, position + length), position & 7);
      assertEquals(pattern.compare(position, buffer, words, length), -1);
      for (let bad = 0; bad < length; bad++) {
        buffer[(position & 7) + bad] ^= 1;
        assertEquals(pattern.compare(position, buffer, words, length), bad);
        buffer[(position & 7) + bad] ^= 1;
      }
    }
  }
});
