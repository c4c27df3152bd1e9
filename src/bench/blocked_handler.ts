/**
 * The handler of the scenario `blocked`: its client says in a line what it does
 * to the others.
 * @module
 */
import type { Handler } from "../handler/handler.ts";
import { detect } from "../runtimes/detect.ts";

/** Milliseconds that `compute` takes. */
export const COMPUTING = 500;

/** Echoes a line, and then computes and leaves, crashes, or waits for the next one. */
const handler: Handler = async (connection) => {
  const buffer = new Uint8Array(1024);
  for (let length; (length = await connection.read(buffer)) !== null;) {
    const line = buffer.slice(0, length);
    await connection.write(line);
    const word = new TextDecoder().decode(line).trim();
    if (word === "crash") (await detect()).exit(3);
    if (word === "compute") return compute();
  }
};
export default handler;

function compute(): void {
  const end = performance.now() + COMPUTING;
  while (performance.now() < end);
}
