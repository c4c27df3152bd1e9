/**
 * This process, and this thread of it, as Node and Bun show them alike.
 * @module
 */
import { fstatSync } from "node:fs";
import process from "node:process";
import { isatty } from "node:tty";
import { isMainThread } from "node:worker_threads";
import { SystemError } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import { fileUrl } from "./current_folder.ts";
import { threadScope } from "./node_worker_thread.ts";

let input: AsyncIterator<Uint8Array> | null = null;
const watched = new Set<string>();

function writeOut(name: "stdout" | "stderr", text: string | Uint8Array): Promise<void> {
  const stream = process[name];
  if (!watched.has(name)) {
    watched.add(name);
    stream.on("error", () => {}); // whoever wrote is told; it must not end the process
  }
  return new Promise((resolve, reject) =>
    stream.write(text, (error) => error ? reject(error) : resolve())
  );
}

/** What of a {@linkcode Runtime} this gives. */
export const processParts: Pick<
  Runtime,
  | "os"
  | "arch"
  | "loopIsFair"
  | "callsInBackground"
  | "args"
  | "opensDebugger"
  | "clockIsSlow"
  | "threadScope"
  | "endThread"
  | "pid"
  | "parentPid"
  | "onSignal"
  | "onUnhandled"
  | "onExit"
  | "exit"
  | "env"
  | "takeEnv"
  | "fileUrl"
  | "readStdin"
  | "writeOut"
  | "complain"
  | "isTerminal"
> = {
  os: process.platform,
  arch: process.arch,
  loopIsFair: true,
  callsInBackground: false,
  args: process.argv.slice(2),
  opensDebugger: false,
  clockIsSlow: false,
  threadScope,
  endThread() {
    if (!isMainThread) process.exit(0);
  },
  pid: process.pid,
  parentPid: () => process.ppid,
  onSignal(signal, listener) {
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  },
  onUnhandled(listener) {
    process.on("unhandledRejection", listener);
    process.on("uncaughtException", listener);
  },
  onExit(listener) {
    const onExit = () => void (process.exitCode = listener());
    process.on("exit", onExit);
    return () => void process.off("exit", onExit);
  },
  exit: (code) => process.exit(code),
  env: (name) => process.env[name],
  takeEnv(name) {
    const value = process.env[name];
    delete process.env[name];
    return value;
  },
  fileUrl: (path) => fileUrl(path, process.env.PWD),
  async readStdin() {
    // Node takes what it does not know, such as a folder, for an empty input (26.10).
    if (!input && fstatSync(0).isDirectory()) throw new SystemError("EISDIR", "It is a folder");
    input ??= process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const { value, done } = await input.next();
    return done ? null : value;
  },
  writeOut,
  // Not console.error, which ends Node the second time that it fails (26.10).
  complain: (line) => void writeOut("stderr", `${line}\n`).catch(() => {}),
  isTerminal: (name) => isatty(["stdin", "stdout", "stderr"].indexOf(name)),
};
