/**
 * What is wrong with a message that does not come whole.
 * @module
 */

/** The client has ended in the middle of a message: the rest of it will never come. */
export class UnexpectedEnd extends Error {
  /** The class, as it is printed. */
  override readonly name = "UnexpectedEnd";
  /** What has come of the message; a copy. */
  readonly partial: Uint8Array;
  /** How many bytes it was to have; `null` where it does not say so. */
  readonly expected: number | null;
  /** What came, and how much was to come, see {@linkcode UnexpectedEnd.expected}. */
  constructor(partial: Uint8Array, expected: number | null) {
    super(
      `The stream ended in the middle of a message, after ${partial.length} ` +
        (expected === null ? "bytes" : `of ${expected} bytes`),
    );
    this.partial = partial;
    this.expected = expected;
  }
}

/** A message is longer than it may be; no more of it is kept. */
export class TooLong extends Error {
  /** The class, as it is printed. */
  override readonly name = "TooLong";
  /** The most bytes that it may have. */
  readonly limit: number;
  /** How many it declares, or how many of them have come. */
  readonly seen: number;
  /** The limit, and how much was seen, see {@linkcode TooLong.seen}. */
  constructor(limit: number, seen: number) {
    super(`A message may have ${limit} bytes, and this one has at least ${seen}`);
    this.limit = limit;
    this.seen = seen;
  }
}
