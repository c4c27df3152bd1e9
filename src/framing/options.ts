/**
 * What `Framed` and its reads can be told.
 * @module
 */
import type { Time } from "./deadline.ts";
import type { TooLong } from "./errors.ts";

/** Bytes of the longest line, where nothing else is said: 64 KiB. */
const MAX_LINE = 65536;
/** Bytes of the largest frame, where nothing else is said: 1 MiB. */
const MAX_FRAME = 1 << 20;

/** What a `Framed` is told once. */
export interface FramedOptions {
  /** The most bytes of a line with its end, and of what `readUntil` gives with its delimiter; 65,536 by default. */
  readonly maxLine?: number;
  /** The most bytes of a frame's payload, and of what the other reads give; 1,048,576 by default. */
  readonly maxFrame?: number;
  /**
   * What becomes of a line or a frame that is too long. `"error"`: the read rejects,
   * nothing is taken, and the next one rejects as well. `"skip"`: it is skipped, in
   * bounded memory, and the read gives the next one. A function is called once for
   * each as soon as it is known to be too long, and awaited; then it is skipped.
   */
  readonly onTooLong?: "error" | "skip" | ((error: TooLong) => void | Promise<void>);
  /**
   * Writes are held back, and go out in one: when a read has to ask the network,
   * when more than 64 KiB wait, at `flush()`, at `closeWrite` and at the handler's
   * end. What waits when a handler waits for something else goes on waiting, unless
   * it is flushed. `write` resolves at once then, and errors come with the next read
   * or `flush()`. `false` by default.
   */
  readonly collect?: boolean;
}

/** What one read is told. */
export interface ReadOptions extends Time {
  /** The most bytes, instead of the limit for all. */
  readonly max?: number;
}

/** What a read of a line is told. */
export interface LineOptions extends ReadOptions {
  /** Whether a line must end with CRLF, so that LF alone is an error. */
  readonly strict?: boolean;
}

/** What `parse` found: a message and how many bytes it has, or how many it needs at least; both from `start` on. */
export type Parsed<T> = { readonly message: T; readonly length: number } | number;

/**
 * Finds a message in bytes that have come, which stay as they are. It begins at `start`,
 * where there is at least one byte; what lies before was taken. A view of each message
 * would take as long as to parse it.
 */
export type Parse<T> = (bytes: Uint8Array, start: number) => Parsed<T>;

/** The limits that always exist. */
export function limits(options: FramedOptions): { maxLine: number; maxFrame: number } {
  const { maxLine = MAX_LINE, maxFrame = MAX_FRAME } = options;
  return { maxLine: limit("maxLine", maxLine), maxFrame: limit("maxFrame", maxFrame) };
}

/**
 * A limit.
 * @throws {RangeError} if it is none
 */
export function limit(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot limit a message: ${name} is a whole number from 1 on, not ${value}`);
}
