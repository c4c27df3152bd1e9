/**
 * What a blocking socket does, and how many bytes it has moved, in memory that others can
 * look at.
 * @module
 */

import type { ConnectionDoing } from "./socket.ts";

/** What a connection does. */
export const DOINGS: readonly ConnectionDoing[] = ["reads", "writes", "handler", "lingers"];
/** The same as numbers, in that order; 0: there is none. */
export const [READS, WRITES, HANDLER, LINGERS] = [1, 2, 3, 4];

/** What one worker does. */
export class Activity {
  // Its own memory, which nobody sees, until it is told another.
  #words: Int32Array = new Int32Array(1);
  #doubles: Float64Array = new Float64Array(2);
  #doing = 0;
  #bytes = 0;

  /**
   * Is told there from now on.
   * @param doing the index of a word
   * @param bytes that of the first of two numbers: in, out
   */
  moveTo(words: Int32Array, doubles: Float64Array, doing: number, bytes: number): void {
    this.#words = words;
    this.#doubles = doubles;
    this.#doing = doing;
    this.#bytes = bytes;
  }

  /** What is done from now on. */
  set doing(doing: number) {
    this.#words[this.#doing] = doing;
  }

  /** Bytes have come. */
  read(bytes: number): void {
    this.#doubles[this.#bytes] += bytes;
  }

  /** Bytes have gone. */
  wrote(bytes: number): void {
    this.#doubles[this.#bytes + 1] += bytes;
  }

  /** What has come so far was not the handler's. */
  uncount(): void {
    this.#doubles[this.#bytes] = 0;
  }
}
