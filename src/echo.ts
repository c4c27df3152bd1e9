/**
 * The lesson's handler: echo until "bye".
 * @module
 */
import type { Connection } from "./connection.ts";

const B = 0x62, Y = 0x79, E = 0x65;
/** Four bytes in a word: each a b, each a y, each 1, the highest bit of each. */
const FOUR_B = 0x62626262, FOUR_Y = 0x79797979, FOUR_1 = 0x01010101, FOUR_HIGH = 0x80808080 | 0;
/** From so many bytes on a second view of them pays. */
const LONG = 256;
const FIRST_BUFFER = 1024;
const LARGEST_BUFFER = 65536;

/** Finds the first `bye` in a stream that comes in segments. */
export class ByeScanner {
  /** The last two bytes of what came before this segment. */
  #last2 = 0;
  #last1 = 0;

  /**
   * Where in `segment` the echo stops, or -1 if it does not. What of `bye`
   * earlier segments have brought is already echoed, so then it stops at 0.
   */
  find(segment: Uint8Array): number {
    const length = segment.length;
    if (length === 0) return -1;
    if (this.#last2 === B && this.#last1 === Y && segment[0] === E) return 0;
    if (this.#last1 === B && segment[0] === Y && segment[1] === E) return 0;
    const stop = indexOfBye(segment);
    if (stop >= 0) return stop;
    this.#last2 = length > 1 ? segment[length - 2] : this.#last1;
    this.#last1 = segment[length - 1];
    return -1;
  }
}

/**
 * Where the first `bye` begins, or -1. Eight bytes in which no y follows a b are
 * passed at once: beside each byte, XORed with y, is the one before it, XORed
 * with b, and only both together are zero, which subtracting one from each byte of
 * a word shows (Warren, Hacker's Delight, 6-1).
 */
function indexOfBye(bytes: Uint8Array): number {
  if (bytes.length < LONG || bytes.byteOffset % 4 !== 0) {
    return indexOfByeIn(bytes, 0, bytes.length);
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const end = words.length & ~1;
  let before = 0;
  for (let i = 0; i < end; i += 2) {
    const first = words[i];
    const second = words[i + 1];
    // Little-endian, as all three runtimes are: the byte before is the lower one.
    const one = (first ^ FOUR_Y) | ((first << 8 | before >>> 24) ^ FOUR_B);
    const two = (second ^ FOUR_Y) | ((second << 8 | first >>> 24) ^ FOUR_B);
    before = second;
    if (((one - FOUR_1 & ~one | two - FOUR_1 & ~two) & FOUR_HIGH) !== 0) {
      // The b may be the last of the eight bytes before.
      const found = indexOfByeIn(bytes, Math.max(0, 4 * i - 1), 4 * i + 7);
      if (found >= 0) return found;
    }
  }
  return indexOfByeIn(bytes, Math.max(0, 4 * end - 1), bytes.length);
}

/** The first `bye` that begins at `from` or later, and before `to`. */
function indexOfByeIn(bytes: Uint8Array, from: number, to: number): number {
  const end = Math.min(to, bytes.length - 2);
  for (let i = from; i < end; i++) {
    if (bytes[i + 1] === Y && bytes[i] === B && bytes[i + 2] === E) return i;
  }
  return -1;
}

/** It waits for nothing but its own connection, so it may block its thread. */
export const blocking = true;

/** Sends every byte back as it came, up to the first `bye` in the stream. */
export default async function echo(connection: Connection): Promise<void> {
  const scanner = new ByeScanner();
  let buffer = new Uint8Array(FIRST_BUFFER);
  let segment = buffer;
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    // Messages are often as long as the one before, and a view costs as much as two promises.
    if (segment.length !== length) segment = buffer.subarray(0, length);
    const stop = scanner.find(segment);
    if (stop >= 0) {
      return void await connection.write(segment.subarray(0, stop));
    }
    await connection.write(segment);
    if (length === buffer.length && length < LARGEST_BUFFER) {
      buffer = segment = new Uint8Array(length * 4);
    }
  }
}
