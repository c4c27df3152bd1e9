/**
 * A handler that crashes on purpose: what does each model protect from?
 *
 * It echoes each line, and then does what the line says:
 *
 *     line     what it does           multiplex, iterative   thread       process
 *     throw    throws                 connection             connection   connection
 *     late     a promise that         reported, no more      connection   connection
 *              nobody awaits rejects
 *     exit     process.exit(3)        server                 connection   connection
 *     kill     SIGKILL, as when       server                 server       connection
 *              memory runs out
 *
 * "connection" means that this client's connection ends, the log says why, and
 * no other client notices. "server" means that the server and everybody's
 * connection are gone. (A program of your own that calls `serve` does not
 * survive `late` under multiplex and iterative either, unless it listens for
 * unhandled rejections, as the command line does.)
 *
 * For `process`, the only model that survives all four.
 *
 *     deno run -A cli.ts serve --handler examples/crash.ts --model process
 *     printf 'hello\nkill\n' | deno run -A cli.ts connect
 *
 * prints `hello` and `kill`, and the server's log `worker: SIGKILL`. Run the
 * second command again: the server is still there.
 * @module
 */
import process from "node:process";
import type { Handler } from "../mod.ts";

const LONGEST_LINE = 1000;

/** Echoes lines until one of them is a crash. */
const crash: Handler = async (connection) => {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1024);
  let rest = "";
  for (let n; (n = await connection.read(buffer)) !== null;) {
    const lines = (rest + decoder.decode(buffer.subarray(0, n), { stream: true })).split("\n");
    rest = lines.pop()!;
    if (rest.length > LONGEST_LINE) throw new Error("a line without an end");
    for (const line of lines) {
      await connection.write(encoder.encode(line + "\n"));
      switch (line.replace(/\r$/, "")) {
        case "throw":
          throw new Error("thrown on purpose");
        case "late":
          void failLater(); // the mistake: an `await` is missing
          break;
        case "exit":
          process.exit(3);
          break;
        case "kill":
          process.kill(process.pid, "SIGKILL");
      }
    }
  }
};
export default crash;

async function failLater(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 10));
  throw new Error("late on purpose");
}
