/**
 * A line protocol: a key-value store that lives as long as its connection.
 *
 * It shows how to find lines in a stream, wherever TCP has split it, how to
 * bound what a client can make you remember, and where state belongs: in the
 * handler, so each client has a store of its own, under every model.
 *
 * For any model; `multiplex` if many clients are connected and mostly wait.
 *
 *     deno run -A cli.ts serve --handler examples/key_value.ts
 *     printf 'SET color dark blue\nGET color\n' | deno run -A cli.ts connect
 *
 * answers `OK` and `VALUE dark blue`. The commands, in UTF-8, are
 * `SET key value`, `GET key`, `DEL key`, `KEYS` and `QUIT`.
 * @module
 */
import type { Connection, Handler } from "../mod.ts";

/** The longest line, in bytes, with its newline. */
const LONGEST_LINE = 1024;
/** The most keys in one store. */
const MOST_KEYS = 1000;

const NEWLINE = 0x0a;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** It waits for nothing but its own connection, so it may block its thread. */
export const blocking = true;

/** Answers each line with one line. */
const keyValue: Handler = async (connection) => {
  const store = new Map<string, string>();
  for await (const line of lines(connection)) {
    const reply = line === null
      ? `ERROR a line has at most ${LONGEST_LINE} bytes`
      : answer(store, line);
    await connection.write(encoder.encode(reply + "\n"));
    if (line?.toUpperCase() === "QUIT") return;
  }
};
export default keyValue;

function answer(store: Map<string, string>, line: string): string {
  const [command, key, ...words] = line.split(" ");
  switch (command.toUpperCase()) {
    case "SET":
      if (!key || words.length === 0) return "ERROR it is SET key value";
      if (store.size === MOST_KEYS && !store.has(key)) return "ERROR the store is full";
      store.set(key, words.join(" "));
      return "OK";
    case "GET":
      if (!key) return "ERROR it is GET key";
      return store.has(key) ? `VALUE ${store.get(key)}` : "NONE";
    case "DEL":
      if (!key) return "ERROR it is DEL key";
      return store.delete(key) ? "OK" : "NONE";
    case "KEYS":
      return ["KEYS", ...store.keys()].join(" ");
    case "QUIT":
      return "BYE";
    default:
      return "ERROR the commands are SET, GET, DEL, KEYS and QUIT";
  }
}

/**
 * The lines of a connection without their ends, `null` for one that is too
 * long. The buffer never grows. What comes after the last newline is no line:
 * the client may have been cut off in the middle of it.
 */
async function* lines(connection: Connection): AsyncGenerator<string | null> {
  const buffer = new Uint8Array(LONGEST_LINE);
  let used = 0; // bytes of a line that has not ended yet
  let tooLong = false; // whether we skip the rest of that line
  for (let n; (n = await connection.read(buffer.subarray(used))) !== null;) {
    const bytes = buffer.subarray(0, used + n);
    let start = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      // A whole line is decoded at once, so no character is ever cut in two.
      if (!tooLong) yield decoder.decode(bytes.subarray(start, end)).replace(/\r$/, "");
      tooLong = false;
    }
    bytes.copyWithin(0, start);
    used = bytes.length - start;
    if (used === LONGEST_LINE) {
      if (!tooLong) yield null;
      tooLong = true;
      used = 0;
    }
  }
}
