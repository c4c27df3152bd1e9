/**
 * The last of a good end: what still comes is read and forgotten.
 * @module
 */
import type { Socket } from "./socket.ts";

/** Where discarded input goes, of all connections. */
const scratch = new Uint8Array(16384);

/**
 * Discards input until the peer closes, or for so many milliseconds.
 * @param reading a read that is under way, which the handler left behind
 * @param isOver whether there is nothing to wait for
 * @param close ends a read of an event loop's socket when the time is over
 */
export async function discard(
  socket: Socket,
  milliseconds: number,
  reading: Promise<unknown> | null,
  isOver: () => boolean,
  close: () => void,
): Promise<void> {
  const end = performance.now() + milliseconds;
  const timer = socket.setTimeout ? null : setTimeout(close, milliseconds);
  try {
    await reading;
    while (!isOver()) {
      const left = Math.ceil(end - performance.now());
      if (left <= 0) break;
      socket.setTimeout?.(left);
      if (await socket.read(scratch) === null) break;
    }
  } catch {
    // A reset, or the time is over: there is nothing left to wait for.
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
