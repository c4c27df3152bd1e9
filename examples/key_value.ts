/**
 * A line protocol: a key-value store that lives as long as its connection.
 *
 * It shows lines, wherever TCP has split them, how to bound what a client can make
 * you remember, and where state belongs: in the handler, so each client has a store
 * of its own, under every model. A line that the client's end cuts off is no command:
 * half of one must never run.
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
import { Framed, type Handler, UnexpectedEnd } from "../mod.ts";

/** The longest line, in bytes, with its newline. */
const LONGEST_LINE = 1024;
/** The most keys in one store. */
const MOST_KEYS = 1000;

/** It waits for nothing but its own connection, so it may block its thread. */
export const blocking = true;

/** Answers each line with one line. */
const keyValue: Handler = async (connection) => {
  const store = new Map<string, string>();
  const io: Framed = new Framed(connection, {
    maxLine: LONGEST_LINE,
    onTooLong: ({ limit }) => io.writeLine(`ERROR a line has at most ${limit} bytes`),
    collect: true, // many lines that came together get their answers together
  });
  try {
    for await (const line of io.lines()) {
      await io.writeLine(answer(store, line));
      if (line.toUpperCase() === "QUIT") return;
    }
  } catch (error) {
    if (!(error instanceof UnexpectedEnd)) throw error;
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
