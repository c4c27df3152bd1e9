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
  readonly #doing: Int32Array;
  readonly #bytes: Float64Array;

  /**
   * Without memory of somebody's nobody sees it.
   * @param doing a word
   * @param bytes two numbers: in, out
   */
  constructor(doing: Int32Array = new Int32Array(1), bytes: Float64Array = new Float64Array(2)) {
    this.#doing = doing;
    this.#bytes = bytes;
  }

  /** What is done from now on. */
  set doing(doing: number) {
    this.#doing[0] = doing;
  }

  /** Bytes have come. */
  read(bytes: number): void {
    this.#bytes[0] += bytes;
  }

  /** Bytes have gone. */
  wrote(bytes: number): void {
    this.#bytes[1] += bytes;
  }

  /** What has come so far was not the handler's. */
  uncount(): void {
    this.#bytes[0] = 0;
  }
}
