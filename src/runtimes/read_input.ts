/**
 * Standard input as a whole.
 * @module
 */
import { builtin } from "./builtin.ts";

/** Milliseconds between two looks, where reads do not wait. */
const NEXT_LOOK = 1;

/** All of it, whose end this waits for. */
export function readInput(): string {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let length; (length = read(buffer)) > 0;) {
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  return text;
}

/** Node's reads of what another Node has passed on do not wait (26.10). */
function read(buffer: Uint8Array): number {
  for (;;) {
    try {
      return builtin.fs.readSync(0, buffer);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NEXT_LOOK);
    }
  }
}
