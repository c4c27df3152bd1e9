/**
 * What `connect` sends: standard input, in pieces.
 * @module
 */
import { patience } from "../connection/delay.ts";
import { errorCode, errorMessage } from "../connection/errors.ts";
import type { Terminal } from "../runtime.ts";

/** So many lines are sent one by one; who sends more has no lesson's server in mind. */
const MOST_LINES = 1000;
/** Bytes: what is longer is no line. */
const LONGEST_LINE = 16384;
const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

/** Standard input, and how much of it there was. */
export class Input {
  /** Bytes that were read. */
  length = 0;
  /** Lines that were given. */
  lines = 0;
  /**
   * Whether pieces are lines. The lesson's servers take what arrives together for one
   * message. It ends with the first bytes that are no text, after 1,000 lines, and when
   * whoever sends them says so.
   */
  inLines = true;
  readonly #runtime: Pick<Terminal, "readStdin">;
  #reading: Promise<Uint8Array | null> | null = null;

  constructor(runtime: Pick<Terminal, "readStdin">) {
    this.#runtime = runtime;
  }

  /** Lines with their newline, the last may have none; and after them blocks. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    let rest: Uint8Array = NOTHING;
    for (;;) {
      const bytes = await this.#next();
      if (bytes === null) break;
      rest = rest.length === 0 ? bytes : joined(rest, bytes);
      if (this.inLines && rest.includes(0)) this.inLines = false;
      for (let end; this.inLines && (end = rest.indexOf(NEWLINE) + 1) > 0;) {
        const line = rest.subarray(0, end);
        rest = rest.subarray(end);
        if (++this.lines >= MOST_LINES) this.inLines = false;
        yield line;
      }
      if (rest.length >= LONGEST_LINE) this.inLines = false;
      if (this.inLines || rest.length === 0) continue;
      yield rest;
      rest = NOTHING;
    }
    if (rest.length > 0) yield rest;
  }

  /** Reads on, to know how much it is; tells whether its end came within `milliseconds`. */
  async skip(milliseconds: number): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const stopWaiting = patience(milliseconds, () => resolve("late"));
    try {
      for (;;) {
        const bytes = await Promise.race([this.#next(), late]);
        if (bytes === "late") return false;
        if (bytes === null) return true;
      }
    } finally {
      stopWaiting();
    }
  }

  /** One read at a time: what a piece waits for is also what `skip` waits for. */
  #next(): Promise<Uint8Array | null> {
    return this.#reading ??= this.#runtime.readStdin().then((bytes) => {
      this.#reading = null;
      this.length += bytes?.length ?? 0;
      return bytes;
    }, (error) => {
      const why = errorCode(error) === "EISDIR" ? "it is a folder" : errorMessage(error);
      throw new Error(`Cannot read standard input: ${why}`, { cause: error });
    });
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
