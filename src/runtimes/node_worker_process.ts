/**
 * Workers that are processes, by node:child_process, which all three runtimes have.
 * @module
 */
import { patience } from "../connection/delay.ts";
import { type HandedSocket, ON_INPUT, type ProcessScope, type StartedWorker } from "../runtime.ts";
import { builtin } from "./builtin.ts";
import { folderIsGone, ROOT } from "./current_folder.ts";
import { receiveHanded, sendable } from "./node_socket.ts";

/** The last message of a process that leaves by itself. */
const LAST = "last";
/** Milliseconds that what a process has sent may take to come after its end. */
const DISCONNECT_WAIT = 100;
/** The same for a process that has left by itself, and so has sent `LAST`. */
const LAST_WAIT = 1000;

/** UTF-16 units, so that it has no more than the 128 KiB that Linux lets an argument have. */
const LONGEST_ARGUMENT = 32_768;

/** What each PEM text of a key has. Everybody may read a process's arguments. */
const SECRET = "PRIVATE KEY-----";

/** How many processes that were started here still run. */
let running = 0;
const onChild = () => {};

/**
 * Listens to SIGCHLD until the process ends, as libuv does for Node. Whoever started
 * this one may ignore it, and that is inherited: then the kernel keeps no process's
 * end, and Deno and Bun wait for it in vain (2.9, 1.4; waitpid(2)).
 * @returns what is called when it has ended
 */
function expectEnd(): () => void {
  const { process } = builtin;
  if (running++ === 0) process.on("SIGCHLD", onChild);
  let ended = false;
  return () => {
    if (!ended && --running === 0) process.off("SIGCHLD", onChild);
    ended = true;
  };
}

/**
 * Starts a process.
 * @param args a last one that is too long, or that nobody else may read, comes on its
 * standard input
 * @param descriptors what becomes its 3, 4, …; with `"ipc"` instead it has a channel
 * @param env without it, the process has this one's
 */
export function spawnWorker(
  command: string,
  args: string[],
  descriptors: number[] | "ipc",
  env?: Record<string, string | undefined>,
): StartedWorker {
  const over = expectEnd();
  const last = args.at(-1)!;
  const isOnInput = last.length > LONGEST_ARGUMENT || last.includes(SECRET);
  let child;
  try {
    child = builtin.childProcess.spawn(
      command,
      isOnInput ? [...args.slice(0, -1), ON_INPUT] : args,
      {
        ...(env ? { env } : {}),
        ...(folderIsGone() ? { cwd: ROOT } : {}),
        stdio: [
          isOnInput ? "pipe" : "ignore",
          "inherit",
          "inherit",
          ...descriptors === "ipc" ? ["ipc" as const] : descriptors,
        ],
      },
    );
  } catch (error) {
    over();
    throw error;
  }
  child.stdin?.on("error", () => {}); // it has ended, which `onExit` tells
  child.stdin?.end(last);
  let failed: Error | null = null;
  child.on("error", (error) => {
    failed = error;
    if (!child.pid) over();
  });
  child.on("exit", over);
  let onLast = () => {};
  let saidLast = false;
  child.on("message", (message) => {
    if (message !== LAST) return;
    saidLast = true;
    onLast();
  });
  return {
    pid: child.pid ?? 0,
    postMessage(message, socket) {
      if (!child.connected) return socket && sendable(socket).destroy();
      child.send(message as string, socket && sendable(socket), { keepOpen: false }, (error) => {
        // It has ended: `onExit` tells, and the client is told by the close.
        if (error && socket) sendable(socket).destroy();
      });
    },
    onMessage: (listener) =>
      void child.on("message", (message) => {
        if (message !== LAST) listener(message);
      }),
    onExit: (listener) => {
      let told = false;
      const tell = (reason: string, notStarted?: Error) => {
        if (!told) listener(reason, notStarted);
        told = true;
      };
      child.on("exit", (code, signal) => {
        const reason = signal ?? (code ? `exit code ${code}` : "exit");
        const end = () => {
          if (!child.connected) return tell(reason);
          child.once("disconnect", () => tell(reason));
          child.disconnect();
        };
        if (saidLast || descriptors !== "ipc") return end();
        // What it said last comes before its end. Deno 2.9 gives it after `exit`, and does
        // not tell that a child which was handed a socket has disconnected.
        const stopWaiting = patience(reason === "exit" ? LAST_WAIT : DISCONNECT_WAIT, end);
        onLast = () => {
          stopWaiting();
          end();
        };
        child.once("disconnect", onLast);
      });
      const fail = (error: Error) => tell(error.message, child.pid ? undefined : error);
      child.on("error", fail);
      if (failed) fail(failed as Error);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** The inside of this process; null if it has no channel. */
export function processScope(): ProcessScope | null {
  const { process } = builtin;
  if (!process.send) return null;
  let last: Promise<unknown> = Promise.resolve();
  const postMessage = (message: unknown) => {
    if (!process.connected) return true;
    const { promise, resolve } = Promise.withResolvers();
    last = promise;
    return process.send!(message, undefined, undefined, resolve);
  };
  return {
    postMessage,
    flush() {
      postMessage(LAST);
      return last;
    },
    onMessage: (listener) =>
      void process.on(
        "message",
        (message, socket) =>
          listener(message, socket ? receiveHanded(socket as HandedSocket["handed"]) : null),
      ),
    onGone: (listener) => void process.on("disconnect", listener),
  };
}
