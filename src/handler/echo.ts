/**
 * The lesson's handler: echo until "bye".
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import { ByeScanner } from "./bye_scanner.ts";

const FIRST_BUFFER = 256;
const LARGEST_BUFFER = 65536;

/** It waits for nothing but its own connection, so it may block its thread. */
export const blocking = true;

/** Sends every byte back as it came, up to the first `bye` in the stream. */
export default async function echo(connection: Connection): Promise<void> {
  const scanner = new ByeScanner();
  let buffer = new Uint8Array(FIRST_BUFFER);
  let segment = buffer;
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    // Messages are often as long as the one before, and a view costs as much as two promises.
    if (segment.length !== length) segment = buffer.subarray(0, length);
    const stop = scanner.find(segment);
    if (stop >= 0) {
      return void await connection.write(segment.subarray(0, stop));
    }
    await connection.write(segment);
    if (length === buffer.length && length < LARGEST_BUFFER) {
      buffer = segment = new Uint8Array(length * 4);
    }
  }
}
