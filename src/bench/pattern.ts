/**
 * What a connection sends, and so what must come back: a cycle of messages, so
 * that a byte that is lost, doubled, moved or another connection's is noticed.
 * @module
 */

/** The largest piece that can be compared at once. */
export const LARGEST_PIECE = 128 * 1024;

/** The cycle is at least so long, and stays in a processor's nearest cache if it can. */
const SHORTEST_CYCLE = 8192;

/** A cycle of messages of one size; each ends with a newline, none holds `bye`. */
export class Pattern {
  /** The messages, as views of `bytes`. */
  readonly messages: readonly Uint8Array[];
  /** The messages in a row, and the first ones again, so that any piece is in one row. */
  readonly bytes: Uint8Array;
  /** How many bytes until it begins again: a multiple of 8. */
  readonly period: number;
  readonly #words: Int32Array;

  constructor(size: number) {
    // An odd number, so that a server's buffer, a power of two, is never a whole
    // cycle; times what makes the cycle a multiple of 8.
    let count = Math.max(3, Math.ceil(SHORTEST_CYCLE / size)) | 1;
    while ((count * size) % 8 !== 0) count *= 2;
    this.period = count * size;
    this.bytes = new Uint8Array(this.period + LARGEST_PIECE);
    this.#words = new Int32Array(this.bytes.buffer);
    fill(this.bytes.subarray(0, this.period), size);
    for (let at = this.period; at < this.bytes.length; at++) {
      this.bytes[at] = this.bytes[at - this.period];
    }
    this.messages = Array.from(
      { length: count },
      (_, index) => this.bytes.subarray(index * size, (index + 1) * size),
    );
  }

  /**
   * Where the first wrong byte of a piece is, or -1: `length` bytes that belong
   * at `position` of the cycle stand in `buffer` at `position % 8`. Four at a
   * time, which is why they stand there.
   */
  compare(position: number, buffer: Uint8Array, words: Int32Array, length: number): number {
    const { bytes } = this;
    const offset = position & 7;
    const shift = position - offset;
    const end = offset + length;
    let at = offset;
    for (; at < end && (at & 3) !== 0; at++) {
      if (buffer[at] !== bytes[shift + at]) return at - offset;
    }
    const base = shift >> 2;
    const expected = this.#words;
    let word = at >> 2;
    for (const last = end >> 2; word < last; word++) {
      if (words[word] !== expected[base + word]) break;
    }
    for (at = Math.max(at, word << 2); at < end; at++) {
      if (buffer[at] !== bytes[shift + at]) return at - offset;
    }
    return -1;
  }

  /** What {@linkcode Pattern.compare} has found, in words. */
  difference(position: number, buffer: Uint8Array, bad: number): string {
    const show = (byte: number) => `0x${byte.toString(16).padStart(2, "0")}`;
    return `byte ${(position + bad) % this.messages[0].length + 1} of a message was ${
      show(this.bytes[position + bad])
    } and came back as ${show(buffer[(position & 7) + bad])}`;
  }
}

/** Where pieces are received, so that {@linkcode Pattern.compare} can take them. */
export class Inbox {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(LARGEST_PIECE + 8);
  readonly words: Int32Array = new Int32Array(this.bytes.buffer);
  /** Room for a piece, from each of the first 8 bytes on. */
  readonly pieces: readonly Uint8Array[] = Array.from(
    { length: 8 },
    (_, offset) => this.bytes.subarray(offset, offset + LARGEST_PIECE),
  );
}

/** Printable characters, the same ones each time. */
function fill(cycle: Uint8Array, size: number): void {
  let seed = 88172645;
  for (let at = 0; at < cycle.length; at++) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    cycle[at] = (at + 1) % size === 0 ? 10 : 33 + (seed >>> 8) % 94;
  }
  // No "bye", in any case of letters, also not where the cycle begins again.
  const letter = (at: number) => cycle[at % cycle.length] | 32;
  for (let at = 0; at < cycle.length; at++) {
    if (letter(at) === 98 && letter(at + 1) === 121 && letter(at + 2) === 101) {
      cycle[(at + 1) % cycle.length] = 95;
    }
  }
}
