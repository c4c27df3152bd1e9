/**
 * The length that a frame begins with.
 * @module
 */
import type { Incoming } from "./incoming.ts";

/** How a frame says its length. */
export interface FrameForm {
  /** Bytes of the length; 4 by default. */
  readonly bytes?: 1 | 2 | 4 | 8;
  /** Whether its least byte comes first; network order, the greatest first, by default. */
  readonly littleEndian?: boolean;
  /** Whether the length counts its own bytes too; it does not by default. */
  readonly includesHeader?: boolean;
}

/**
 * How many bytes the length has.
 * @throws {RangeError} if it can have no such length
 */
export function headerSize({ bytes = 4 }: FrameForm): number {
  if (bytes === 1 || bytes === 2 || bytes === 4 || bytes === 8) return bytes;
  throw new RangeError(`Cannot use a length of ${bytes} bytes: it has 1, 2, 4 or 8`);
}

/**
 * The payload's length, by the header that has come.
 * @throws {SyntaxError} if it would be negative
 */
export function payloadLength(incoming: Incoming, size: number, form: FrameForm): number {
  let length = 0; // of 2 ** 53 and more it is inexact, and beyond each limit
  for (let i = 0; i < size; i++) {
    length = length * 256 + incoming.at(form.littleEndian ? size - 1 - i : i);
  }
  if (!form.includesHeader) return length;
  if (length >= size) return length - size;
  throw new SyntaxError(`A frame declares ${length} bytes, of which its length alone has ${size}`);
}

/**
 * The header of a payload.
 * @throws {RangeError} if the length does not fit
 */
export function frameHeader(payload: number, form: FrameForm): Uint8Array {
  const size = headerSize(form);
  const header = new Uint8Array(size);
  let length = form.includesHeader ? payload + size : payload;
  if (length >= 256 ** size) {
    throw new RangeError(`Cannot write a length of ${length} in ${size} bytes`);
  }
  for (let i = size - 1; i >= 0; i--) {
    header[form.littleEndian ? size - 1 - i : i] = length % 256;
    length = Math.floor(length / 256);
  }
  return header;
}
