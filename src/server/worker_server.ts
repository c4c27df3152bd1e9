/**
 * `thread` and `process`, and `multiplex` with workers: the accept loops run in workers.
 * @module
 */
import { BaseServer, DRAIN } from "./base_server.ts";
import type { Address } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import { type Entrance, HandOverEntrance, SharedEntrance } from "./entrance.ts";
import { SystemError } from "../connection/errors.ts";
import type { RefusalReason, UntimedEvent } from "../events.ts";
import { Admission } from "../serving/admission.ts";
import { type HandlerModule, handlerUrl } from "../handler/load_handler.ts";
import type { Model } from "./models.ts";
import type { Runtime } from "../runtime.ts";
import type { Settings } from "./serve_options.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import type { SharedSettings } from "../workers/worker_handle.ts";

/** Milliseconds: how long workers may still be started for clients that are known to wait. */
const START_DRAIN = 500;
/** Milliseconds between two looks at whether clients still wait for a free worker. */
const DRAIN_LOOK = 5;

/** A server whose accept loops run in supervised workers. */
export class WorkerServer extends BaseServer {
  readonly addr: Address;
  readonly room: number;
  override readonly sockets: Entrance["sockets"];
  readonly #entrance: Entrance;
  readonly #supervisor: Supervisor;
  readonly #admission: Admission;
  readonly #limit: number;
  #stopped = false;

  /** Binds and starts workers; resolves when one is ready. */
  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    address: Address,
    handler: HandlerModule,
    emit: (event: UntimedEvent) => void,
    signal?: AbortSignal,
  ): Promise<WorkerServer> {
    const shared: SharedSettings = {
      model: settings.model,
      handler: handlerUrl(runtime, handler),
      linger: settings.linger,
      idleTimeout: settings.idleTimeout,
      connectionTimeout: settings.connectionTimeout,
      maxConnectionsPerWorker: settings.maxConnectionsPerWorker,
      asks: settings.overLimit === "refuse" || settings.maxConnectionsPerSource > 0,
      messages: settings.messages,
    };
    const entrance = handsOver(runtime, model, settings)
      ? await HandOverEntrance.bind(runtime, address, settings, shared)
      : await SharedEntrance.bind(runtime, model, address, settings, shared);
    let failed = false; // a server that never served has only one thing to say
    const server = new WorkerServer(runtime, model, settings, entrance, (event) => {
      if (!failed) emit(event);
    });
    const onAbort = () => void server.close();
    try {
      signal?.addEventListener("abort", onAbort);
      const started = server.#supervisor.start();
      if (signal?.aborted) onAbort();
      await started;
    } catch (error) {
      failed = true;
      await server.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    server.#open();
    return server;
  }

  constructor(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    entrance: Entrance,
    emit: (event: UntimedEvent) => void,
  ) {
    super(runtime, settings, emit);
    this.#entrance = entrance;
    this.addr = entrance.addr;
    this.room = entrance.room;
    this.sockets = entrance.sockets;
    this.rememberFile(this.addr);
    const limit = this.#limit = Math.min(settings.maxConnections, entrance.room);
    const refuses = settings.overLimit === "refuse";
    this.#admission = new Admission({
      connections: refuses ? limit : Infinity,
      perSource: settings.maxConnectionsPerSource,
      onRefused: this.#onRefused,
    });
    const crew = model.each === "many"
      // Those that leave may have connections for long, and stand in nobody's way.
      ? { spares: settings.workers, limit: Infinity, queueLength: () => 0 }
      : {
        spares: Math.min(settings.spares, limit),
        // One more, when all are busy, has the time to refuse clients.
        limit: limit + (refuses && entrance.sockets === "shared" ? 1 : 0),
        queueLength: () => entrance.queueLength(),
      };
    this.#supervisor = new Supervisor({
      ...crew,
      each: model.each,
      admission: this.#admission,
      start: entrance.start,
      onIdle: () => entrance.onIdle(),
      memory: settings.maxWorkerMemory > 0
        ? { limit: settings.maxWorkerMemory, of: (pid) => runtime.memoryOf(pid) }
        : null,
      onEvent: emit,
      onGiveUp: (error) => this.fail(error),
    });
  }

  #open(): void {
    const worker = { kind: "main", id: 0 } as const;
    const onNoRoom = (code: string) => this.emit({ type: "accept_failed", code, count: 1, worker });
    const opening = { admission: this.#admission, onNoRoom, onRefused: this.#onRefused };
    this.#entrance.open(this.#supervisor, opening).catch((error) => this.fail(error));
  }

  readonly #onRefused = (remoteAddr: Address, reason: RefusalReason): void =>
    this.emit({ type: "refused", remoteAddr, reason, count: 1 });

  protected open(): number {
    return this.#supervisor.open;
  }

  protected replaceWorkers(): Promise<void> {
    return this.#supervisor.reload();
  }

  protected async beginShutdown(): Promise<void> {
    // Looks are counted, not time: workers take nobody while the machine pauses.
    // Empty twice: handshakes that had begun may still come to an end.
    try {
      this.#entrance.dropNewcomers();
      for (let looks = 0, empty = 0; empty < 2 && this.#supervisor.free > 0; looks++) {
        const waiting = this.#entrance.queueLength();
        empty = waiting === 0 ? empty + 1 : 0;
        const full = this.#supervisor.open >= this.#limit;
        const longest = waiting === null || full ? DRAIN : START_DRAIN;
        if (looks * DRAIN_LOOK >= longest) break;
        await delay(DRAIN_LOOK);
      }
    } finally {
      this.#supervisor.shutdown();
    }
  }

  protected stopListening(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#entrance.stop();
  }

  protected endAll(): void {
    this.#supervisor.kill();
  }

  protected drained(): Promise<void> {
    return this.#supervisor.gone();
  }

  protected release(): void {
    this.#entrance.release();
  }
}

/**
 * Whether sockets are handed over, because that was asked for or because no C
 * library can be opened, or workers share the listening socket.
 * @throws {SystemError} if the model cannot be had here, with what to do
 */
export function handsOver(runtime: Runtime, model: Model, settings: Settings): boolean {
  const noLibrary = runtime.libraryRefusal();
  if (model.each === "many") {
    const refusal = runtime.processRefusal() ??
      (runtime.os === "linux" ? noLibrary : "they need Linux");
    if (refusal) {
      throw new SystemError("EACCES", `Cannot serve with workers: ${refusal}, or leave them out`);
    }
  }
  const refusal = model.where === "process" ? runtime.processRefusal() : noLibrary;
  if (refusal) {
    throw new SystemError(
      "EACCES",
      `Cannot serve under the model "${settings.model}": ${refusal}, or pick --model multiplex`,
    );
  }
  if (settings.maxWorkerMemory > 0 && runtime.memoryOf(runtime.pid) === null) {
    throw new SystemError(
      "EACCES",
      "Cannot limit the workers' memory: /proc cannot be read; it needs Linux, and on Deno -A",
    );
  }
  if (model.each === "many") return false;
  if (settings.workerPermissions) {
    const why = runtime.restrictionRefusal(settings.workerPermissions);
    if (why) throw new SystemError("EACCES", `Cannot restrict the workers' permissions: ${why}`);
    return true;
  }
  return model.where === "process" && (settings.handOver || noLibrary !== null);
}
