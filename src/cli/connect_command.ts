/**
 * `connect`: a client for people and pipes.
 * @module
 */
import { type Address, connect, type Connection, formatAddress } from "../../mod.ts";
import { delay } from "../connection/delay.ts";
import { errorCode, errorMessage } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import { CONNECT_OPTIONS } from "./connect_options.ts";
import { describeOptions } from "./describe_options.ts";
import { parseOptions } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The help text. */
export const CONNECT_HELP = `Talk to a server, a line at a time; a line with "bye" is the last.

usage: trivet connect [HOST] [PORT]
       trivet connect --unix PATH

Options:
${describeOptions(CONNECT_OPTIONS)}

Try it:
  printf 'hello\\nbye\\n' | trivet connect 127.0.0.1 8888
`;

/** How long a piped line waits for the answer to the one before. */
const ANSWER_WAIT = 1000;
/** How long to wait for what still comes after "bye". */
const LAST_WAIT = 2000;
/** Whoever read the answers is gone: what a shell tells of a program that SIGPIPE has ended. */
const NOBODY_READS = 128 + 13;

/** Runs until either side has ended; returns the exit code. */
export async function connectCommand(
  runtime: Runtime,
  args: string[],
): Promise<number> {
  const given = parseOptions(args, CONNECT_OPTIONS);
  if (given.has("help")) {
    await runtime.writeOut("stdout", CONNECT_HELP);
    return 0;
  }
  const address = target(given.words, given.text("unix"));
  let connection: Connection;
  try {
    connection = await connect(address);
  } catch (error) {
    const why = errorCode(error) === "ECONNREFUSED" ? "nobody listens there" : errorMessage(error);
    await runtime.writeOut(
      "stderr",
      `trivet: cannot connect to ${formatAddress(address)}: ${why}\n`,
    );
    return 1;
  }

  let answered = Promise.withResolvers<void>();
  let finished = false;
  const receiving: Promise<number | null> = (async () => {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const length = await connection.read(buffer).catch(() => null);
      if (length === null) break;
      const bytes = buffer.subarray(0, length);
      await runtime.writeOut(
        "stdout",
        given.has("raw") ? bytes : bytes.filter((b) => b !== 0),
      );
      answered.resolve();
    }
    answered.resolve();
    return null;
  })().catch((error) => {
    if (errorCode(error) !== "EPIPE") throw error;
    return NOBODY_READS;
  });
  const closed = receiving.then((code) => code ?? (finished ? 0 : 1));

  const piped = !runtime.isTerminal("stdin");
  const sending = (async () => {
    for await (const line of inputLines(runtime)) {
      answered = Promise.withResolvers();
      await connection.write(line);
      const last = new TextDecoder().decode(line).includes("bye");
      if (last) return true;
      // The lesson's servers take what arrives together for one message.
      if (piped) await Promise.race([answered.promise, delay(ANSWER_WAIT)]);
    }
    return false;
  })().catch(() => false);

  const early = await Promise.race([closed, sending.then(() => null)]);
  if (early) {
    if (early === 1) await runtime.writeOut("stderr", "peer is closed\n");
    connection.close();
    return early;
  }
  finished = true;
  const bye = await sending;
  await connection.closeWrite().catch(() => {});
  const last = await (bye ? Promise.race([receiving, delay(LAST_WAIT)]) : receiving);
  connection.close();
  return last ?? 0;
}

function target(words: string[], path: string | undefined): Address {
  if (path !== undefined) {
    if (words.length > 0) {
      throw new UsageError("--unix goes without a host and a port");
    }
    return { transport: "unix", path };
  }
  if (words.length > 2) {
    throw new UsageError(`unexpected "${words[2]}"; see --help`);
  }
  const [hostname = "127.0.0.1", portText = "8888"] = words;
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > 65535) {
    throw new UsageError(
      `PORT is a whole number from 1 to 65535: not "${portText}"`,
    );
  }
  return { transport: "tcp", hostname, port };
}

/** Lines with their newline, as they were typed; the last may have none. */
async function* inputLines(runtime: Runtime): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0);
  for (;;) {
    const bytes = await runtime.readStdin();
    if (bytes === null) break;
    const all = new Uint8Array(rest.length + bytes.length);
    all.set(rest);
    all.set(bytes, rest.length);
    let start = 0;
    for (let end; (end = all.indexOf(10, start)) >= 0; start = end + 1) {
      yield all.subarray(start, end + 1);
    }
    rest = all.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
