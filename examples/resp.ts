/**
 * A small Redis: strings, counters and lists, for `redis-cli` and any other client
 * of its protocol (RESP2).
 *
 * It shows messages of a form of its own, `readMessages`, and `collect`: the answers
 * to a pipeline go out in one write. A parser looks at what has come and says how
 * much more it needs, so it waits for nothing and is fast.
 *
 * For `multiplex` without workers, because the store is a variable of the module: its
 * `models` say so. It is lost at the end, and nothing limits how much clients put into
 * it, so it is not for the open internet.
 *
 *     deno run -A cli.ts serve --handler examples/resp.ts
 *     printf 'SET color dark-blue\r\nGET color\r\n' | deno run -A cli.ts connect
 *
 * answers `+OK`, `$9` and `dark-blue`. Or talk to it with `redis-cli -p 8888` and
 * `redis-benchmark -p 8888 -t ping,set,get,incr,lpush -P 16`.
 * @module
 */
import { Framed, type Handler, type Parsed, TooLong } from "../mod.ts";

/** Workers would have a store each, and answer as chance has it. */
export const models = ["multiplex", "iterative"];

/** The largest command, in bytes. */
const LARGEST_COMMAND = 16 << 20;
/** The most words of one command: its parser sees them again when more have come. */
const MOST_WORDS = 1024;

/** Short ASCII as text, anything else as bytes. */
type Value = string | Uint8Array;

/** Strings, and lists with their first element last: that is where LPUSH adds. */
const store = new Map<string, Value | Value[]>();

/** A command that cannot be understood: where the next one begins is not known. */
class ProtocolError extends Error {}
/** A command that cannot be done; it is answered, and the next one may be. */
class CommandError extends Error {}

/** Answers commands until the client leaves or says QUIT. */
const resp: Handler = async (connection) => {
  const io = new Framed(connection, { collect: true, maxFrame: LARGEST_COMMAND });
  try {
    for (let commands; (commands = await io.readMessages(parse)) !== null;) {
      for (const words of commands) {
        if (words.length === 0) continue;
        const name = text(words[0]).toUpperCase();
        try {
          await answer(io, name, words);
        } catch (error) {
          if (!(error instanceof CommandError)) throw error;
          await io.write(`-${error.message}\r\n`);
        }
        if (name === "QUIT") return;
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof TooLong)) throw error;
    await io.write(`-ERR Protocol error: ${error.message}\r\n`);
  }
};
export default resp;

function answer(io: Framed, name: string, words: Value[]): Promise<void> {
  switch (name) {
    case "PING":
      return words.length > 1 ? bulk(io, words[1]) : io.write("+PONG\r\n");
    case "ECHO":
      demand(words.length === 2, name);
      return bulk(io, words[1]);
    case "GET": {
      demand(words.length === 2, name);
      const value = store.get(text(words[1]));
      return value === undefined ? io.write("$-1\r\n") : bulk(io, string(value));
    }
    case "SET":
      demand(words.length === 3, name);
      store.set(text(words[1]), keep(words[2]));
      return io.write("+OK\r\n");
    case "INCR": {
      demand(words.length === 2, name);
      const key = text(words[1]);
      const number = integer(string(store.get(key) ?? "0")) + 1;
      store.set(key, `${number}`);
      return io.write(`:${number}\r\n`);
    }
    case "DEL": {
      demand(words.length > 1, name);
      const deleted = words.slice(1).filter((key) => store.delete(text(key)));
      return io.write(`:${deleted.length}\r\n`);
    }
    case "LPUSH": {
      demand(words.length > 2, name);
      const key = text(words[1]);
      const elements = list(store.get(key) ?? []);
      for (let i = 2; i < words.length; i++) elements.push(keep(words[i]));
      store.set(key, elements);
      return io.write(`:${elements.length}\r\n`);
    }
    case "LRANGE": {
      demand(words.length === 4, name);
      const elements = list(store.get(text(words[1])) ?? []);
      const [first, last] = [integer(words[2]), integer(words[3])]
        .map((index) => index < 0 ? elements.length + index : index);
      const from = Math.max(0, first);
      const to = Math.min(elements.length, last + 1);
      const found = from < to ? elements.slice(elements.length - to, elements.length - from) : [];
      const parts = found.reverse().flatMap((one) => [`$${one.length}\r\n`, one, "\r\n"]);
      return io.write(`*${found.length}\r\n`, ...parts);
    }
    case "QUIT":
      return io.write("+OK\r\n");
    // What the tools ask first; they go on when they are told little.
    case "COMMAND":
    case "CONFIG":
      return io.write("*0\r\n");
    case "HELLO":
      if (words.length > 1 && text(words[1]) !== "2") {
        throw new CommandError("NOPROTO unsupported protocol version");
      }
      return io.write("*4\r\n$6\r\nserver\r\n$6\r\ntrivet\r\n$5\r\nproto\r\n:2\r\n");
    default:
      throw new CommandError(`ERR unknown command '${name.slice(0, 128).replace(/\s/g, " ")}'`);
  }
}

function bulk(io: Framed, value: Value): Promise<void> {
  return io.write(`$${value.length}\r\n`, value, "\r\n");
}

function demand(isRight: boolean, name: string): void {
  if (!isRight) throw new CommandError(`ERR wrong number of arguments for '${name}' command`);
}

function string(value: Value | Value[]): Value {
  if (!(value instanceof Array)) return value;
  throw new CommandError("WRONGTYPE Operation against a key holding the wrong kind of value");
}

function list(value: Value | Value[]): Value[] {
  if (value instanceof Array) return value;
  throw new CommandError("WRONGTYPE Operation against a key holding the wrong kind of value");
}

function integer(value: Value): number {
  const digits = text(value);
  const number = Number(digits);
  if (/^-?\d+$/.test(digits) && Number.isSafeInteger(number)) return number;
  throw new CommandError("ERR value is not an integer or out of range");
}

/** Bytes as text, a character each, whatever they are: a key need not be UTF-8. */
function text(word: Value): string {
  if (typeof word === "string") return word;
  let all = "";
  for (let at = 0; at < word.length; at += 8192) {
    const part: unknown = word.subarray(at, at + 8192);
    all += String.fromCharCode.apply(null, part as number[]);
  }
  return all;
}

/** What is kept of a word: a view would keep all that was read with it. */
function keep(word: Value): Value {
  return word.slice();
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DOLLAR = 0x24;
const STAR = 0x2a;
/** Instead of a number, or of how many bytes are needed: more must come. */
const MORE = -1;
/** The most digits of a length. */
const MOST_DIGITS = 10;

/** Where the parser is. It waits for nothing, so there is one at a time. */
let at = 0;

/** The words of one command, or how many bytes it needs. */
function parse(bytes: Uint8Array, start: number): Parsed<Value[]> {
  if (bytes[start] !== STAR) return parseInline(bytes, start);
  at = start + 1;
  const count = number(bytes, MOST_WORDS, "multibulk");
  if (count === MORE) return MORE;
  const words: Value[] = [];
  while (words.length < count) {
    if (at === bytes.length) return MORE;
    if (bytes[at++] !== DOLLAR) throw new ProtocolError("expected '$'");
    const length = number(bytes, LARGEST_COMMAND, "bulk");
    if (length === MORE) return MORE;
    const end = at + length;
    if (bytes.length < end + 2) return end + 2 - start;
    words.push(word(bytes, at, end));
    at = end + 2;
  }
  return { message: words, length: at - start };
}

/** One word: as text if it is short ASCII, else as bytes, a view. */
function word(bytes: Uint8Array, start: number, end: number): Value {
  const length = end - start;
  if (length > 16) return bytes.subarray(start, end);
  let all = 0;
  for (let i = start; i < end; i++) all |= bytes[i];
  if (all > 127) return bytes.subarray(start, end);
  // One call for all takes half the time of one for each, and of a view (Deno 2.9).
  // deno-fmt-ignore
  return String.fromCharCode(
    bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3],
    bytes[start + 4], bytes[start + 5], bytes[start + 6], bytes[start + 7],
    bytes[start + 8], bytes[start + 9], bytes[start + 10], bytes[start + 11],
    bytes[start + 12], bytes[start + 13], bytes[start + 14], bytes[start + 15],
  ).slice(0, length);
}

/** The number before the next CRLF. */
function number(bytes: Uint8Array, most: number, what: string): number {
  let number = 0;
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === CR && i > at) {
      if (i + 1 === bytes.length) return MORE;
      at = i + 2;
      return number;
    }
    number = number * 10 + byte - 0x30;
    if (byte < 0x30 || byte > 0x39 || number > most || i - at >= MOST_DIGITS) {
      throw new ProtocolError(`invalid ${what} length`);
    }
  }
  return MORE;
}

/** A line of words, as people type it. */
function parseInline(bytes: Uint8Array, first: number): Parsed<Value[]> {
  const end = bytes.indexOf(LF, first);
  if (end < 0) {
    if (bytes.length - first > 65536) throw new ProtocolError("too big inline request");
    return MORE;
  }
  const words: Value[] = [];
  let start = first;
  for (let i = first; i <= end; i++) {
    if (bytes[i] !== SPACE && bytes[i] !== CR && bytes[i] !== LF) continue;
    if (i > start) words.push(word(bytes, start, i));
    start = i + 1;
  }
  return { message: words, length: end + 1 - first };
}
