/**
 * The load generator as the command sees it: a thread, so that progress is shown
 * and Ctrl-C is heard while it never looks up.
 * @module
 */
import { moduleBeside } from "../module_beside.ts";
import type { Runtime, StartedWorker } from "../runtime.ts";
import {
  type LoadMessage,
  type LoadResult,
  type LoadTask,
  RELEASE,
  STOP,
} from "./load_messages.ts";

const WORKER = moduleBeside("./load_worker", import.meta.url);

/** What is called as a run goes on; the connections stay open until `holding` is over. */
export interface LoadListener {
  warming(): void;
  measuring(): void;
  measured(): void;
  holding(): void | Promise<void>;
}

/** Runs tasks, one at a time. */
export class LoadThread {
  readonly #thread: StartedWorker;
  #control: Int32Array = new Int32Array(0);
  readonly #ready = Promise.withResolvers<void>();
  #message: (message: Exclude<LoadMessage, { readonly type: "ready" }>) => void = () => {};
  #ended: ((reason: string) => void) | null = null;

  constructor(runtime: Runtime) {
    this.#thread = runtime.startThread(WORKER, null);
    this.#thread.onMessage((message) => {
      const told = message as LoadMessage;
      if (told.type === "ready") this.#ready.resolve();
      else this.#message(told);
    });
    this.#thread.onExit((reason) => this.#ended?.(reason));
  }

  /** Runs a task. @throws {Error} if the generator itself fails */
  run(task: Omit<LoadTask, "control">, listener: LoadListener): Promise<LoadResult> {
    const control = new SharedArrayBuffer(8);
    this.#control = new Int32Array(control);
    return new Promise((resolve, reject) => {
      const failed = (why: string) => reject(new Error(`The load generator failed: ${why}`));
      this.#ended = failed;
      this.#message = (message) => {
        switch (message.type) {
          case "result":
            return resolve(message.result);
          case "failed":
            return failed(message.error);
          case "holding":
            void this.#hold(listener);
            return;
          default:
            listener[message.type]();
        }
      };
      this.#tell({ ...task, control });
    });
  }

  async #hold(listener: LoadListener): Promise<void> {
    try {
      await listener.holding();
    } finally {
      Atomics.store(this.#control, RELEASE, 1);
    }
  }

  /** Ends the run that is under way; its result comes all the same. */
  stop(): void {
    if (this.#control.length === 0) return;
    Atomics.store(this.#control, STOP, 1);
    Atomics.store(this.#control, RELEASE, 1);
  }

  /** Ends the thread. */
  close(): void {
    this.stop();
    this.#ended = null;
    this.#tell(null);
  }

  /** Deno loses what a thread is sent while its module still loads (node:worker_threads, 2.9). */
  #tell(message: LoadTask | null): void {
    void this.#ready.promise.then(() => this.#thread.postMessage(message));
  }
}
