/**
 * How large a buffer a stream's next read gets: while it is fast a large one, which is
 * given back when the stream is slow or silent.
 * @module
 */

/** Bytes of the buffer of a stream that is slow, and of the largest. */
const SMALLEST = 16 * 1024;
const LARGEST = 256 * 1024;

/** What a read of `buffer` that gave `length` bytes says of the next one: its size. */
export function nextSize(buffer: Uint8Array | null, length: number): number {
  if (buffer === null || length < buffer.length) return SMALLEST;
  return Math.min(4 * buffer.length, LARGEST);
}
