/**
 * A handler that computes: each line, without its LF or CRLF, comes back as its SHA-256,
 * hashed again and again, 100,000 rounds in all, as one stretches a password.
 *
 * It shows a handler that keeps its thread busy. For `thread` or `process`,
 * where it takes nobody's time but its own client's. Under `multiplex` everybody
 * waits while one line is hashed: try that too.
 *
 *     deno run -A cli.ts serve --handler examples/hash.ts --model thread
 *     printf 'hello\n' | deno run -A cli.ts connect
 *
 * answers `70ef65897fbe9afb5dfe8c825327057d1e174e0dfc3d299c340aeb35adcadfe3`.
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Handler } from "../mod.ts";

/** How many times a line is hashed. */
const ROUNDS = 100_000;

const NEWLINE = 0x0a;
/** Before a newline it belongs to the line's end, as telnet and Windows send it. */
const CR = new Uint8Array([0x0d]);
const encoder = new TextEncoder();

/**
 * It waits for nothing but its own connection: `createHash` computes right
 * here, where the `digest` of Web Crypto would be a promise to wait for.
 */
export const blocking = true;

/** Hashes bytes as they come, so a line may have any length and none is kept. */
const hash: Handler = async (connection) => {
  const buffer = new Uint8Array(4096);
  let line = createHash("sha256");
  let held = false; // whether a CR waits for what follows it
  const add = (part: Uint8Array) => {
    if (part.length === 0) return;
    if (held) line.update(CR);
    held = part[part.length - 1] === CR[0];
    line.update(held ? part.subarray(0, -1) : part);
  };
  for (let n; (n = await connection.read(buffer)) !== null;) {
    const bytes = buffer.subarray(0, n);
    let start = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      add(bytes.subarray(start, end));
      const digest = stretch(line.digest());
      await connection.write(encoder.encode(digest.toString("hex") + "\n"));
      line = createHash("sha256");
      held = false;
    }
    add(bytes.subarray(start));
  }
};
export default hash;

/** Hashes a digest for the rest of the rounds. */
function stretch(digest: Buffer): Buffer {
  for (let round = 1; round < ROUNDS; round++) {
    digest = createHash("sha256").update(digest).digest();
  }
  return digest;
}
