/**
 * `status`: what a server tells of itself, once or again and again.
 * @module
 */
import type { Address, ServerStatus } from "../../mod.ts";
import { delay } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import { escapeJson } from "../log/escape.ts";
import type { Runtime } from "../runtime.ts";
import { onKey, onResize, screenSize } from "../runtimes/screen.ts";
import { parsePlace } from "../status/place.ts";
import { describeOptions } from "./describe_options.ts";
import { parseOptions } from "./options.ts";
import { askStatus } from "./status_client.ts";
import { STATUS_OPTIONS } from "./status_options.ts";
import { statusLine, statusLines } from "./status_table.ts";
import { UsageError } from "./usage_error.ts";

/** The help text. */
const STATUS_HELP = `Ask a server who is there.

usage: trivet status ADDR

ADDR is what the server was given with --status: HOST:PORT, PORT, unix:PATH, or
the address of its page.

Options (the default is in brackets):
${describeOptions(STATUS_OPTIONS)}

Try it:
  trivet serve --status unix:/tmp/trivet.status
  trivet status --watch unix:/tmp/trivet.status

Exit code: 0, 1 if the server cannot be reached, 2 for a mistake in the command line.
`;

/** Runs until it has been told, or nobody looks any more; returns the exit code. */
export async function statusCommand(runtime: Runtime, args: string[]): Promise<number> {
  const given = parseOptions(args, STATUS_OPTIONS);
  if (given.has("help")) {
    await runtime.writeOut("stdout", STATUS_HELP);
    return 0;
  }
  const [word, ...more] = given.words;
  if (more.length > 0) throw new UsageError(`unexpected "${more[0]}"; see --help`);
  if (word === undefined) {
    throw new UsageError("say whom to ask: trivet status ADDR, as the server got it with --status");
  }
  if (given.number("interval") !== undefined && !given.has("watch")) {
    throw new UsageError("--interval goes with --watch");
  }
  const address = place(word);
  const interval = (given.number("interval") ?? 1) * 1000;
  if (!given.has("watch")) {
    const status = await askStatus(runtime, address);
    const text = given.has("json") ? asJson(status) : statusLines(status).join("\n");
    await runtime.writeOut("stdout", `${text}\n`);
    return 0;
  }
  const isScreen = runtime.isTerminal("stdout") && runtime.isTerminal("stdin");
  if (isScreen && !given.has("json")) return await watchScreen(runtime, address, interval);
  const line = given.has("json") ? asJson : statusLine;
  for (;; await delay(interval)) {
    await runtime.writeOut("stdout", `${line(await askStatus(runtime, address))}\n`);
  }
}

/** JSON in a line in which nothing can harm a terminal. */
function asJson(status: ServerStatus): string {
  return escapeJson(JSON.stringify(status));
}

function place(word: string): Address {
  try {
    const address = parsePlace(word);
    if (address.transport === "tcp" && address.port === 0) throw new TypeError("a port is not 0");
    return address;
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}

/** The other screen of a terminal, without a cursor, and back. */
const [ENTER, LEAVE] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"];

async function watchScreen(runtime: Runtime, address: Address, interval: number): Promise<number> {
  const ended = Promise.withResolvers<"ended">();
  const end = () => ended.resolve("ended");
  let status = await askStatus(runtime, address);
  let trouble: string | null = null;
  // One write for all of it, and no line is empty in between: so nothing flickers.
  const draw = () => {
    const { columns, rows } = screenSize();
    const head = trouble ?? `trivet status, every ${interval / 1000} s; q ends it`;
    const lines = [head.slice(0, columns), "", ...statusLines(status, columns)].slice(0, rows);
    const text = `\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`;
    return runtime.writeOut("stdout", text);
  };
  await runtime.writeOut("stdout", ENTER);
  const undo = [
    onKey((key) => {
      if (key === "q" || key === "\x03") end();
    }),
    onResize(() => void draw().catch(end)),
    ...(["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => runtime.onSignal(signal, end)),
  ];
  try {
    for (;;) {
      await draw();
      if (await Promise.race([delay(interval), ended.promise]) === "ended") break;
      const answer = askStatus(runtime, address).then(
        (told) => [status, trouble] = [told, null],
        (error) => trouble = `${errorMessage(error)}; as it was last:`,
      );
      if (await Promise.race([answer, ended.promise]) === "ended") break;
    }
  } finally {
    for (const each of undo) each();
    await runtime.writeOut("stdout", LEAVE);
  }
  return 0;
}
