/**
 * The lesson's handler: echo until "bye".
 * @module
 */
import type { Connection } from "./connection.ts";

const B = 0x62, Y = 0x79, E = 0x65;
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
    // Horspool: look at each third byte, and go on by one or two only where
    // that byte can be part of `bye`.
    let at = 2;
    while (at < length) {
      const byte = segment[at];
      if (byte === E && segment[at - 1] === Y && segment[at - 2] === B) {
        return at - 2;
      }
      at += byte === B ? 2 : byte === Y ? 1 : 3;
    }
    this.#last2 = length > 1 ? segment[length - 2] : this.#last1;
    this.#last1 = segment[length - 1];
    return -1;
  }
}

/** It waits for nothing but its own connection, so it may block its thread. */
export const blocking = true;

/** Sends every byte back as it came, up to the first `bye` in the stream. */
export default async function echo(connection: Connection): Promise<void> {
  const scanner = new ByeScanner();
  let buffer = new Uint8Array(FIRST_BUFFER);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    const segment = buffer.subarray(0, length);
    const stop = scanner.find(segment);
    if (stop >= 0) {
      return void await connection.write(segment.subarray(0, stop));
    }
    await connection.write(segment);
    if (length === buffer.length && length < LARGEST_BUFFER) {
      buffer = new Uint8Array(length * 4);
    }
  }
}
