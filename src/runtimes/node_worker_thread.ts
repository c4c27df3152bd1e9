/**
 * Workers that are threads, by node:worker_threads, which all three runtimes have.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import type { StartedWorker, ThreadScope } from "../runtime.ts";
import { builtin } from "./builtin.ts";
import { folderIsGone, ROOT } from "./current_folder.ts";

/** Megabytes: three of V8's semi-spaces of 1. */
const YOUNG_HEAP = 3;

/**
 * Starts a thread that runs the module.
 * @param env without it, the thread has this one's
 */
export function startThread(
  module: URL,
  data: unknown,
  env?: Record<string, string | undefined>,
): StartedWorker {
  // A thread has its process's folder; from one that is gone no path leads anywhere else.
  if (folderIsGone()) builtin.process.chdir(ROOT);
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
  worker.on("error", (error) => reason = errorMessage(error));
  return {
    pid: 0,
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listener) => void worker.on("message", listener),
    onExit: (listener) =>
      void worker.on("exit", (code) => listener(reason || (code ? `exit code ${code}` : "exit"))),
    kill: () => void worker.terminate(),
  };
}

/** The inside of this thread; null if it is no worker. */
export function threadScope(): ThreadScope | null {
  const { isMainThread, parentPort: port, workerData } = builtin.workerThreads;
  if (isMainThread || !port) return null;
  return {
    data: workerData,
    postMessage: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on("message", listener),
  };
}
