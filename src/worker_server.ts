/**
 * `thread` and `process`: the accept loops run in workers.
 * @module
 */
import { BaseServer, DRAIN } from "./base_server.ts";
import { bind } from "./bind.ts";
import type { Address } from "./connection.ts";
import { SystemError } from "./errors.ts";
import type { UntimedEvent } from "./events.ts";
import { type HandlerModule, handlerUrl } from "./load_handler.ts";
import type { Model } from "./models.ts";
import { ACCEPT_TIMEOUT } from "./posix/blocking_socket.ts";
import { Libc } from "./posix/libc.ts";
import type { Runtime } from "./runtime.ts";
import type { Settings } from "./serve_options.ts";
import { Supervisor } from "./supervisor.ts";
import { processStarter, type SharedSettings, threadStarter } from "./worker_handle.ts";

/** What one worker, a thread with its connection, takes of this process's descriptors. */
const WORKER_DESCRIPTORS = 8;
/** What is left for everything else. */
const SPARE_DESCRIPTORS = 64;

/** A server whose accept loops run in supervised workers. */
export class WorkerServer extends BaseServer {
  readonly addr: Address;
  readonly #libc: Libc;
  readonly #listening: number;
  readonly #supervisor: Supervisor;
  #stopped = false;

  /** Binds and starts workers; resolves when one is ready. */
  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    address: Address,
    handler: HandlerModule,
    emit: (event: UntimedEvent) => void,
  ): Promise<WorkerServer> {
    const refusal = runtime.libraryRefusal() ??
      (model.where === "process" ? runtime.processRefusal() : null);
    if (refusal) {
      throw new SystemError(
        "EACCES",
        `Cannot serve under the model "${settings.model}": ${refusal}, or pick --model multiplex`,
      );
    }
    const libc = new Libc(runtime);
    const url = handlerUrl(runtime, handler);
    const listening = await bind(
      runtime,
      address,
      () => libc.listen(address, settings.backlog),
    ).catch((error) => {
      libc.unload();
      throw error;
    });
    libc.setTimeout(listening, "receive", ACCEPT_TIMEOUT);
    let failed = false; // a server that never served has only one thing to say
    const server = new WorkerServer(runtime, libc, model, settings, listening, url, (event) => {
      if (!failed) emit(event);
    });
    try {
      await server.#supervisor.start();
    } catch (error) {
      failed = true;
      await server.close();
      throw error;
    }
    return server;
  }

  constructor(
    runtime: Runtime,
    libc: Libc,
    model: Model,
    settings: Settings,
    listening: number,
    handler: string,
    emit: (event: UntimedEvent) => void,
  ) {
    super(runtime, settings, emit);
    this.#libc = libc;
    this.#listening = listening;
    this.addr = libc.localAddress(listening);
    this.rememberFile(this.addr);
    const shared: SharedSettings = {
      model: settings.model,
      handler,
      listening,
      linger: settings.linger,
      idleTimeout: settings.idleTimeout,
      messages: settings.messages,
    };
    // Deno 2.9 panics when a worker is started and descriptors run out.
    const room = Math.floor((libc.descriptorLimit() - SPARE_DESCRIPTORS) / WORKER_DESCRIPTORS);
    const limit = Math.max(1, Math.min(settings.maxConnections, room));
    this.#supervisor = new Supervisor({
      spares: Math.min(settings.spares, limit),
      limit,
      start: model.where === "thread"
        ? threadStarter(runtime, libc, shared)
        : processStarter(runtime, libc, shared, settings.workerArgs),
      queueLength: () => libc.queueLength(listening),
      onEvent: emit,
      onGiveUp: (error) => this.fail(error),
    });
  }

  protected open(): number {
    return this.#supervisor.open;
  }

  protected async beginShutdown(): Promise<void> {
    const free = this.#supervisor.idle > 0;
    if (free) await new Promise((resolve) => setTimeout(resolve, DRAIN));
    this.#supervisor.shutdown();
  }

  protected stopListening(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // This wakes every worker that is blocked in accept. The descriptor stays
    // until the last thread is gone, lest its number mean something else.
    this.#libc.shutdown(this.#listening, "both");
    if (this.addr.transport === "unix") this.#endQueue();
  }

  /** Linux resets who waits in a TCP socket's queue; a Unix one keeps them waiting. */
  #endQueue(): void {
    try {
      for (;;) this.#libc.close(this.#libc.accept(this.#listening, true).descriptor);
    } catch {
      // EINVAL: it is shut down, and nobody waits any more.
    }
  }

  protected endAll(): void {
    this.#supervisor.kill();
  }

  protected drained(): Promise<void> {
    return this.#supervisor.gone();
  }

  protected release(): void {
    this.#libc.close(this.#listening);
    this.#libc.unload();
  }
}
