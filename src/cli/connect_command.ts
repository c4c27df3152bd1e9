/**
 * `connect`: a client for people and pipes.
 * @module
 */
import { connect, type Connection, type ConnectTlsOptions, encodeProxyHeader } from "../../mod.ts";
import { delay } from "../connection/delay.ts";
import { errorCode } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import { Answers, type Ending, receive } from "./connect_answers.ts";
import { Input } from "./connect_input.ts";
import { CONNECT_OPTIONS } from "./connect_options.ts";
import { target } from "./connect_target.ts";
import { describeOptions } from "./describe_options.ts";
import { type Given, parseOptions } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The help text. */
const CONNECT_HELP = `Talk to a server: standard input goes out, what comes back is printed.

usage: trivet connect [HOST] [PORT]
       trivet connect HOST:PORT, or [::1]:8888, or PORT
       trivet connect --unix PATH

At a terminal, a line with "bye" is the last. What is piped is sent to its end,
a line at a time while each is answered within a second.

Options (the default is in brackets):
${describeOptions(CONNECT_OPTIONS)}

Try it:
  printf 'hello\\nbye\\n' | trivet connect 127.0.0.1 8888
`;

/** Milliseconds that a piped line waits for the answer to the one before. */
const ANSWER_WAIT = 1000;
/**
 * Milliseconds after an answer in which the end may follow it, before more is sent that
 * nobody reads; after so many lines without an end it is not waited for any more.
 */
const [END_WAIT, END_LINES] = [10, 50];
/** Milliseconds without a byte after which a server that was told "bye" has said all. */
const LAST_WAIT = 2000;
/** Milliseconds in which the rest of the input is read, to say how much was not sent. */
const COUNT_WAIT = 1000;

const WAS_RESET = "the server reset the connection";

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
  const tls = clientTls(given);
  const connection = await connect(target(given)).catch((error) => {
    // Whether the call or what comes after it sees a reset is chance.
    if (errorCode(error) === "ECONNRESET") throw new Error(WAS_RESET, { cause: error });
    throw error;
  });
  try {
    const header = given.text("proxy-header");
    if (header !== undefined) {
      const { localAddr: source, remoteAddr: destination } = connection;
      const version = header === "v1" ? 1 : 2;
      // What fails here fails again as soon as anything is read or sent.
      await connection.write(encodeProxyHeader({ version, source, destination })).catch(() => {});
    }
    if (tls !== null) await connection.startTls(tls);
    return await talk(runtime, connection, given.has("raw"));
  } finally {
    connection.close();
  }
}

/** How it is encrypted; null if it is not. */
function clientTls(given: Given): ConnectTlsOptions | null {
  const [ca, cert, key] = ["ca", "cert", "key"].map((name) => given.text(name));
  const insecure = given.has("insecure");
  if (!given.has("tls")) {
    const other = insecure
      ? "insecure"
      : ["ca", "cert", "key"].find((name) => given.text(name) !== undefined);
    if (other !== undefined) throw new UsageError(`--${other} is for --tls: give that too`);
    return null;
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key belong together");
  }
  return { ca, cert, key, insecure };
}

/** Sends and prints until it is over; returns the exit code. */
async function talk(runtime: Runtime, connection: Connection, raw: boolean): Promise<number> {
  const atTerminal = runtime.isTerminal("stdin");
  const input = new Input(runtime);
  const answers = new Answers();
  let sent = 0;
  let writeError: string | undefined;

  const receiving = receive(runtime, connection, raw, answers);
  const sending = (async (): Promise<"all" | "bye" | "failed"> => {
    for await (const piece of input.pieces()) {
      const before = answers.count;
      try {
        await connection.write(piece);
      } catch (error) {
        writeError = errorCode(error);
        return "failed";
      }
      sent += piece.length;
      if (atTerminal) {
        if (new TextDecoder().decode(piece).includes("bye")) return "bye";
      } else if (input.inLines) {
        input.inLines = await answers.after(before, ANSWER_WAIT);
        if (input.lines <= END_LINES) await delay(END_WAIT);
      }
    }
    return "all";
  })();

  const first = await Promise.race([receiving, sending]);
  let ending: Ending;
  if (first === "all" || first === "bye") {
    await connection.closeWrite().catch(() => {}); // `receiving` tells what broke
    const silent = () => answers.silence(LAST_WAIT).then((): Ending => "closed");
    ending = await (first === "all" ? receiving : Promise.race([receiving, silent()]));
    if (ending === "closed") return 0;
  } else ending = first === "failed" ? await receiving : first;
  connection.close(); // nothing more is sent
  const over = first === "all" || (!atTerminal && await input.skip(COUNT_WAIT));
  const left = input.length - sent;
  // A reset is told once, to whoever reads or writes first.
  const wasReset = ending === "reset" || writeError === "ECONNRESET";
  if (!wasReset && over && left === 0) return 0;
  const what = wasReset ? WAS_RESET : "the server closed the connection";
  const start = answers.inLine && runtime.isTerminal("stdout") ? "\n" : "";
  await runtime.writeOut("stderr", `${start}trivet: ${what}${notSent(left, over)}\n`);
  return 1;
}

function notSent(bytes: number, over: boolean): string {
  if (bytes === 0) return "";
  const count = bytes === 1 && over ? "1 byte was" : `${bytes} bytes were`;
  return `: ${over ? "" : "at least "}${count} not sent`;
}
