/**
 * Threads and processes by node:worker_threads and node:child_process, and the
 * process itself: what all three runtimes have alike.
 * @module
 */
import { patience } from "../connection/delay.ts";
import { SystemError } from "../connection/errors.ts";
import type {
  HandedSocket,
  ProcessScope,
  StartedWorker,
  StopSignal,
  ThreadScope,
} from "../runtime.ts";
import { builtin } from "./builtin.ts";
import { receiveHanded, sendable } from "./node_socket.ts";

/** Megabytes: three of V8's semi-spaces of 1. */
const YOUNG_HEAP = 3;

/** Starts a thread that runs the module. */
export function startThread(
  module: URL,
  data: unknown,
  env?: Record<string, string | undefined>,
): StartedWorker {
  // Deno 2.9: node:worker_threads does not load http: URLs, but a data: module
  // that imports one does.
  const entry = module.protocol === "file:" ? module : new URL(
    `data:text/javascript,import ${encodeURIComponent(JSON.stringify(module.href))}`,
  );
  const worker = new builtin.workerThreads.Worker(entry, {
    workerData: data,
    ...(env ? { env } : {}),
    // A large young heap for each thread costs the others more than it gives it.
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_HEAP },
  });
  let reason = "";
  worker.on(
    "error",
    (error) => reason = String((error as Error)?.message ?? error),
  );
  return {
    pid: 0,
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listener) => void worker.on("message", listener),
    onExit: (listener) =>
      void worker.on(
        "exit",
        (code) => listener(reason || (code ? `exit code ${code}` : "exit")),
      ),
    kill: () => void worker.terminate(),
  };
}

/** A process's last message. */
const LAST = "last";
/** Milliseconds that the last messages of a process that has ended may take. */
const DISCONNECT_WAIT = 100;
/** The same, of one that has left by itself and so has said `LAST`. */
const LAST_WAIT = 1000;

/** Starts a process; `descriptors` become its 3, 4, …, or it has a channel. */
export function startProcess(
  command: string,
  args: string[],
  descriptors: number[] | "ipc",
  env?: Record<string, string | undefined>,
): StartedWorker {
  const child = builtin.childProcess.spawn(command, args, {
    ...(env ? { env } : {}),
    stdio: [
      "ignore",
      "inherit",
      "inherit",
      ...descriptors === "ipc" ? ["ipc" as const] : descriptors,
    ],
  });
  let failed: Error | null = null;
  child.on("error", (error) => failed = error);
  let last = () => {};
  let saidLast = false;
  child.on("message", (message) => {
    if (message !== LAST) return;
    saidLast = true;
    last();
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
        last = () => {
          stopWaiting();
          end();
        };
        child.once("disconnect", last);
      });
      const fail = (error: Error) => tell(error.message, child.pid ? undefined : error);
      child.on("error", fail);
      if (failed) fail(failed as Error);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** The inside of this thread, if it is a worker. */
export function threadScope(): ThreadScope | null {
  const { isMainThread, parentPort: port, workerData } = builtin.workerThreads;
  if (isMainThread || !port) return null;
  return {
    data: workerData,
    postMessage: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on("message", listener),
  };
}

/** The inside of this process, if it has a channel. */
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

/** A host name's first address, numeric. */
export function lookup(hostname: string): Promise<string> {
  return new Promise((resolve, reject) =>
    builtin.dns.lookup(hostname, (error, address) => {
      if (error || !address) {
        reject(
          new SystemError(
            "ENOTFOUND",
            `Cannot find the host "${hostname}"`,
            error,
          ),
        );
      } else resolve(address);
    })
  );
}

/** Calls `listener` for a signal instead of ending. */
export function onSignal(signal: StopSignal, listener: () => void): () => void {
  builtin.process.on(signal, listener);
  return () => void builtin.process.off(signal, listener);
}

/** Calls `listener` for what nobody handled. */
export function onUnhandled(listener: (error: unknown) => void): void {
  builtin.process.on("unhandledRejection", listener);
  builtin.process.on("uncaughtException", listener);
}

/** Memory that is no file's, see proc_pid_status(5); Deno 2.9 lets only -A read it. */
export function memoryOf(pid: number): number | null {
  try {
    const status = builtin.fs.readFileSync(`/proc/${pid}/status`, "latin1");
    const kibibytes = /^RssAnon:\s+(\d+)/m.exec(status)?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null; // it has ended, or may not be looked at
  }
}

/** Sets the bits that new files do not get. */
export function umask(mask: number): number {
  return builtin.process.umask(mask);
}

/** What stands at a path. */
export function socketFile(
  path: string,
): { readonly inode: number } | "none" | "not a socket" {
  const stat = builtin.fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return "none";
  return stat.isSocket() ? { inode: stat.ino } : "not a socket";
}

/** Removes a file. */
export function removeFile(path: string): void {
  builtin.fs.unlinkSync(path);
}

/** A file's URL; a relative path is relative to the current folder. */
export function fileUrl(path: string): URL {
  return builtin.url.pathToFileURL(path);
}
