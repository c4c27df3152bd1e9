/**
 * An echo with a heartbeat: a client that is silent hears that the server is
 * still there, and a client that stays until the shutdown is told so.
 *
 * It shows a timer beside a read, and `context.signal`. Both need an event loop
 * that runs while the handler waits, so it is not `blocking`.
 *
 * For any model; `multiplex` if there are many clients, because it only waits.
 *
 *     deno run -A cli.ts serve --handler examples/heartbeat.ts
 *     deno run -A cli.ts connect
 *
 * Say nothing, and it prints `still here` each half second; type a line, and it
 * comes back. Then press Ctrl-C in the first terminal: the last line is
 * `goodbye`.
 * @module
 */
import type { Handler } from "../mod.ts";

/** Milliseconds of silence before each beat. */
const SILENCE = 500;

const encoder = new TextEncoder();

/** Echoes, beats while the client is silent, and says goodbye at shutdown. */
const heartbeat: Handler = async (connection, { signal }) => {
  const say = (line: string) => connection.write(encoder.encode(line + "\n"));

  let beating = false;
  const beat = async () => {
    if (beating) return; // the client reads nothing: do not pile up more for it
    beating = true;
    await say("still here").catch(() => {}); // if it has gone, `read` below says so
    beating = false;
  };
  let timer = setInterval(beat, SILENCE);

  const leave = () => {
    clearInterval(timer);
    void say("goodbye");
    // Clients close now, which ends the loop below; the server ends those that do not.
    void connection.closeWrite();
  };
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });

  try {
    const buffer = new Uint8Array(1024);
    for (let n; (n = await connection.read(buffer)) !== null;) {
      if (signal.aborted) continue; // we have said goodbye
      clearInterval(timer);
      timer = setInterval(beat, SILENCE);
      await connection.write(buffer.subarray(0, n));
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", leave);
  }
};
export default heartbeat;
