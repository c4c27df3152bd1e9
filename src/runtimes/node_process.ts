/**
 * The process itself, as Node and Bun show it alike.
 * @module
 */
import process from "node:process";
import { isatty } from "node:tty";
import type { Runtime } from "../runtime.ts";

let input: AsyncIterator<Uint8Array> | null = null;
const watched = new Set<string>();

/** What of a {@linkcode Runtime} node:process gives. */
export const processParts: Pick<
  Runtime,
  | "os"
  | "arch"
  | "loopIsFair"
  | "callsInBackground"
  | "clockIsSlow"
  | "args"
  | "pid"
  | "parentPid"
  | "exit"
  | "env"
  | "readStdin"
  | "writeOut"
  | "isTerminal"
> = {
  os: process.platform,
  arch: process.arch,
  loopIsFair: true,
  callsInBackground: false,
  clockIsSlow: false,
  args: process.argv.slice(2),
  pid: process.pid,
  parentPid: () => process.ppid,
  exit: (code) => process.exit(code),
  env: (name) => process.env[name],
  async readStdin() {
    input ??= process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const { value, done } = await input.next();
    return done ? null : value;
  },
  writeOut(name, text) {
    const stream = process[name];
    if (!watched.has(name)) {
      watched.add(name);
      stream.on("error", () => {}); // who has written is told; it must not end the process
    }
    return new Promise((resolve, reject) =>
      stream.write(text, (error) => error ? reject(error) : resolve())
    );
  },
  isTerminal: (name) => isatty(["stdin", "stdout", "stderr"].indexOf(name)),
};
