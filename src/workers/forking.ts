/**
 * Which way worker processes are started: forked from a template, where their handler
 * waits for nothing but its connection, or each as a runtime of its own.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import { isTemplates, type Order } from "./messages.ts";
import { type ProcessListeners, type ProcessSetup, startProcess } from "./process_worker.ts";
import { Template } from "./template.ts";
import type { StartWorker, WorkerHandle, WorkerListeners } from "./worker_handle.ts";

/** Milliseconds after which a template that ends is replaced at once. */
const LONG_LIFE = 2000;

/**
 * Starts processes, by fork wherever it can. Whether a handler lets it is known when it
 * has loaded; so the first one is a runtime that becomes the template if it does, and
 * else the worker.
 */
export class ForkingStarter {
  readonly #setup: ProcessSetup;
  #template: Template | null = null;
  /** Whether workers are runtimes: their handler must not be forked, or no template is ready. */
  #plain = false;
  /** How often the handler was to be loaded afresh, how often when it last was, and when it broke its promise. */
  #asked = 0;
  #loaded = 0;
  #broken = -1;
  #closed = false;
  /** Forks that are not ready, each with the load that it is of. */
  readonly #unready = new Map<WorkerHandle, number>();
  /** Templates, and processes that may become one, each until it has ended. */
  readonly #running = new Map<WorkerHandle, Promise<void>>();

  constructor(setup: ProcessSetup) {
    this.#setup = setup;
  }

  /** Starts a worker. */
  readonly start: StartWorker = (number, listeners, afresh = false) => {
    if (!afresh && this.#template) {
      return this.#fork(this.#template, this.#loaded, number, listeners);
    }
    if (!afresh && this.#plain) return this.#startPlain(number, listeners);
    return this.#audition(number, listeners, afresh);
  };

  /** Ends what has no worker any more; resolves when no process is left. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const process of this.#running.keys()) process.kill();
    await Promise.all(this.#running.values());
  }

  #startPlain(number: number, listeners: WorkerListeners): WorkerHandle {
    return startProcess(
      this.#setup,
      number,
      {
        ...listeners,
        onMessage: (message) => {
          if (!isTemplates(message)) listeners.onMessage(message);
        },
      },
      this.#setup.libc.socketPair(),
      "never",
    );
  }

  /**
   * Starts a worker by fork. If it ends before it is ready, it is a runtime; if no fork was
   * ever ready, nothing can be forked here. A handler that breaks its promise is not forked
   * again, until it is loaded afresh.
   */
  #fork(
    template: Template,
    loaded: number,
    number: number,
    listeners: WorkerListeners,
    worker = new LaterWorker(),
  ): WorkerHandle {
    const fork = template.fork(number, {
      onMessage: (message) => {
        if (message.type === "ready") {
          template.isProven = true;
          this.#unready.delete(fork);
        }
        if (message.type === "gave up") this.#gaveUp(loaded);
        listeners.onMessage(message);
      },
      onExit: (reason, notStarted) => {
        const wasReady = !this.#unready.delete(fork);
        if (wasReady || worker.isKilled) return listeners.onExit(reason, notStarted);
        if (!template.isProven) this.#take(null, loaded);
        attempt(() => worker.become(this.#startPlain(number, listeners)), listeners);
      },
    });
    this.#unready.set(fork, loaded);
    worker.become(fork);
    return worker;
  }

  /** The handler of this load is not forked again; who has not begun yet must not take a client. */
  #gaveUp(loaded: number): void {
    this.#take(null, loaded);
    this.#broken = Math.max(this.#broken, loaded);
    for (const [fork, load] of this.#unready) {
      if (load <= loaded) fork.kill();
    }
  }

  /** From here on workers are forked from this one, or not at all; unless a newer one is there. */
  #take(template: Template | null, loaded: number): void {
    if (loaded < this.#loaded || template && loaded <= this.#broken) return template?.retire();
    this.#template?.retire();
    this.#template = template;
    this.#loaded = loaded;
    this.#plain = template === null;
  }

  /**
   * Starts a runtime that may become the template, and the worker of this number from it.
   * @param number null: no worker is wanted
   * @param afresh whether others are started as before until it is ready
   */
  #audition(number: number | null, listeners: WorkerListeners, afresh: boolean): WorkerHandle {
    const { libc } = this.#setup;
    const pair = libc.socketPair();
    const socket = libc.duplicate(pair[0]);
    if (!afresh) this.#plain = true; // who is wanted meanwhile does not wait for it
    const loaded = afresh ? ++this.#asked : this.#loaded;
    const worker = new LaterWorker();
    const gone = Promise.withResolvers<void>();
    const since = Date.now();
    let template: Template | null = null;
    let isReady = false;
    let process: WorkerHandle;
    const listens: ProcessListeners = {
      onMessage: (message) => {
        // From a worker that is ready it is something that its handler writes.
        if (message.type === "template" && !isReady && !template) {
          template = new Template(this.#setup, socket, () => process.kill());
          const fork = () => this.#fork(template!, loaded, number!, listeners, worker);
          if (number !== null) attempt(fork, listeners);
          this.#take(template, loaded);
        } else if (message.type === "ended") {
          template?.told(message.number, message.reason);
        } else if (isTemplates(message)) {
          return; // a handler writes there
        } else {
          if (message.type === "ready") {
            isReady = true;
            this.#take(null, loaded);
            worker.become(process);
          }
          listeners.onMessage(message);
        }
      },
      onExit: (reason, notStarted) => {
        if (template) {
          template.gone();
          if (this.#template === template) this.#lost(Date.now() - since > LONG_LIFE);
        } else {
          libc.close(socket);
          if (!afresh && !isReady) this.#plain = false; // the next one tries again
          listeners.onExit(reason, notStarted);
        }
        this.#running.delete(process);
        gone.resolve();
      },
    };
    try {
      process = startProcess(
        this.#setup,
        number ?? 0,
        listens,
        pair,
        number === null ? "only" : "may",
      );
    } catch (error) {
      libc.close(socket);
      if (!afresh) this.#plain = false;
      throw error;
    }
    this.#running.set(process, gone.promise);
    worker.waitFor(process);
    return worker;
  }

  /** The template has ended, and nobody asked it to: a new one is there before the next client. */
  #lost(again: boolean): void {
    this.#template = null;
    if (this.#closed || !again) return;
    try {
      this.#audition(null, { onMessage: () => {}, onExit: () => {} }, false);
    } catch {
      // No descriptor is free: the next worker tries again.
    }
  }
}

/** Starts a worker that is wanted already: the supervisor is told if it cannot be. */
function attempt(start: () => void, { onExit }: WorkerListeners): void {
  try {
    start();
  } catch (error) {
    onExit(errorMessage(error), error as Error);
  }
}

/** A worker of which is not known yet what it will be. */
class LaterWorker implements WorkerHandle {
  #handle: WorkerHandle | null = null;
  #order: Order | null = null;
  isKilled = false;
  #process: WorkerHandle | null = null;

  get name(): WorkerHandle["name"] {
    return this.#handle?.name ?? { kind: "process", id: 0 };
  }

  /** Until then it is this process that is ended. */
  waitFor(process: WorkerHandle): void {
    this.#process = process;
  }

  become(handle: WorkerHandle): void {
    this.#handle = handle;
    if (this.#order !== null) handle.order(this.#order);
    if (this.isKilled) handle.kill();
  }

  order(order: Order): void {
    this.#order = order;
    this.#handle?.order(order);
  }

  answer(admitted: boolean): void {
    this.#handle?.answer(admitted);
  }

  kill(): void {
    this.isKilled = true;
    (this.#handle ?? this.#process)?.kill();
  }
}
