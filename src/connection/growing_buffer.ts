/**
 * How large a buffer a stream's next read gets: a large one while it is fast, which is
 * given back when the stream is slow.
 * @module
 */

/** Bytes of the buffer of a stream that is slow, and of the largest. */
const SMALLEST = 16 * 1024;
const LARGEST = 256 * 1024;

/**
 * The size of the next buffer, after a read of `buffer` that gave `length` bytes. Bun and
 * Node give 64 KiB at once: so a quarter is enough to keep what there is.
 */
export function nextSize(
  buffer: Uint8Array | null,
  length: number,
  smallest: number = SMALLEST,
): number {
  if (buffer === null || length < buffer.length / 4) return smallest;
  return length < buffer.length ? buffer.length : Math.min(4 * buffer.length, LARGEST);
}
