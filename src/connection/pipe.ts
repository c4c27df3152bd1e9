/**
 * Everything from one connection to another.
 * @module
 */
import type { Connection } from "./connection.ts";

/** Bytes of the buffer of a stream that is slow or silent, and of the largest. */
const SMALLEST = 16 * 1024;
const LARGEST = 256 * 1024;

/**
 * Passes on what comes on `from`, and its end: FIN as FIN, a reset as a reset. It reads
 * no more than `to` takes. When `to` takes nothing any more, `from` is reset. Resolves
 * after FIN; the other direction goes on.
 * @throws the error with which one of them failed, when both are reset
 */
export async function pipe(from: Connection, to: Connection): Promise<void> {
  let buffer = new Uint8Array(SMALLEST);
  try {
    for (let length; (length = await from.read(buffer)) !== null;) {
      await to.write(buffer.subarray(0, length));
      buffer = next(buffer, length);
    }
    await to.closeWrite();
  } catch (error) {
    end(from);
    end(to);
    throw error;
  }
}

/** While reads are full there is more than they take; a small one waits for the next. */
function next(buffer: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length === buffer.length && length < LARGEST) return new Uint8Array(LARGEST);
  return length < buffer.length && buffer.length > SMALLEST ? new Uint8Array(SMALLEST) : buffer;
}

function end(connection: Connection): void {
  try {
    connection.reset();
  } catch {
    // It could only be closed.
  }
}
