/**
 * Answers lines, three ways, to compare them: `LINES=hand` by a loop over `read`,
 * `LINES=framed` with `Framed`, `LINES=collected` with answers that are held back.
 *
 *     LINES=framed deno run -A cli.ts serve --log none --handler scripts/framing/lines.ts
 *     redis-benchmark -p 8888 -t ping_inline -n 200000 -P 16
 * @module
 */
import process from "node:process";
import { Framed, type Handler } from "../../mod.ts";

const LONGEST_LINE = 1024;
const NEWLINE = 0x0a;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function answer(line: string): string {
  return line === "PING" ? "+PONG\r\n" : "-ERR\r\n";
}

const hand: Handler = async (connection) => {
  const buffer = new Uint8Array(LONGEST_LINE);
  let used = 0;
  for (let n; (n = await connection.read(used === 0 ? buffer : buffer.subarray(used))) !== null;) {
    const bytes = buffer.subarray(0, used + n);
    let start = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      const stop = end > start && bytes[end - 1] === 0x0d ? end - 1 : end;
      const line = decoder.decode(bytes.subarray(start, stop));
      await connection.write(encoder.encode(answer(line)));
    }
    used = bytes.length - start;
    if (used === LONGEST_LINE) throw new Error("a line without an end");
    if (start > 0 && used > 0) bytes.copyWithin(0, start);
  }
};

const framed: Handler = async (connection) => {
  const io = new Framed(connection, { collect: process.env.LINES === "collected" });
  for (let line; (line = await io.readLine()) !== null;) await io.write(answer(line));
};

export default process.env.LINES === "hand" ? hand : framed;
