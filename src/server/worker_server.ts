/**
 * `thread` and `process`, and `multiplex` with workers: the accept loops run in workers.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import type { EventSink, RefusalReason } from "../events.ts";
import { type HandlerModule, handlerUrl } from "../handler/load_handler.ts";
import type { Runtime } from "../runtime.ts";
import { Refusals } from "../serving/refusals.ts";
import { spreadingOf } from "../serving/spread.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import type { About, View } from "../status/view.ts";
import { BaseServer, DRAIN } from "./base_server.ts";
import { CREWS } from "./crews.ts";
import { chooseEntrance, demandWorkers, type Entrance, type EntranceOptions } from "./entrance.ts";
import { HandedOverEntrance } from "./handed_over_entrance.ts";
import type { ListenAt } from "./bind.ts";
import type { EntranceName, Model, Workers } from "./models.ts";
import { QueueEntrance } from "./queue_entrance.ts";
import type { Settings } from "./settings.ts";
import { lookAt, workerViews } from "./look.ts";
import { readServing, tlsFor } from "./serving_files.ts";
import { SharedEntrance } from "./shared_entrance.ts";

/** Each entrance of the models' table. */
const ENTRANCES: Record<EntranceName, { bind(options: EntranceOptions): Promise<Entrance> }> = {
  shared: SharedEntrance,
  queue: QueueEntrance,
  "handed over": HandedOverEntrance,
};

/** Milliseconds: how long workers may still be started for clients that are known to wait. */
const START_DRAIN = 500;
/** Milliseconds between two looks at whether clients still wait for a free worker. */
const DRAIN_LOOK = 5;

/** A server whose accept loops run in supervised workers. */
export class WorkerServer extends BaseServer {
  readonly addrs: readonly Address[];
  readonly room: number;
  override readonly sockets: Entrance["sockets"];
  readonly #entrance: Entrance;
  readonly #supervisor: Supervisor;
  readonly #refusals: Refusals;
  readonly #limit: number;
  readonly #about: Omit<About, "handler">;
  /**
   * Reads again what new workers are told of files; throws where that cannot be.
   * @returns what is called when all workers have it
   */
  #readAgain = (): () => void => () => {};
  #stopped = false;
  #released = false;

  /** Binds and starts workers; resolves when one is ready. */
  static async start(
    runtime: Runtime,
    model: Model & { readonly workers: Workers },
    settings: Settings,
    places: readonly ListenAt[],
    handler: HandlerModule,
    emit: EventSink,
    signal?: AbortSignal,
  ): Promise<WorkerServer> {
    demandWorkers(runtime, model, settings);
    const { serving } = settings;
    const tls = await tlsFor(runtime, serving);
    const common = {
      handler: handlerUrl(runtime, handler),
      reports: settings.status !== null,
      asks: settings.refuses || settings.maxConnectionsPerSource > 0,
      serving: readServing(runtime, tls, serving),
    };
    const name = chooseEntrance(runtime, model.workers, settings);
    const { where } = model;
    const entrance = await ENTRANCES[name].bind({ runtime, where, places, settings, common });
    const server = new WorkerServer(runtime, model, settings, entrance, emit);
    server.showCertificates(tls, common.serving);
    server.#readAgain = () => {
      common.serving = readServing(runtime, tls, serving);
      return () => server.showCertificates(tls, common.serving);
    };
    const onAbort = () => void server.close();
    try {
      signal?.addEventListener("abort", onAbort);
      const started = server.#supervisor.start();
      if (signal?.aborted) onAbort();
      await started;
    } catch (error) {
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
    model: Model & { readonly workers: Workers },
    settings: Settings,
    entrance: Entrance,
    emit: EventSink,
  ) {
    super(runtime, settings, emit);
    this.#entrance = entrance;
    this.addrs = entrance.addrs;
    this.room = entrance.room;
    this.sockets = entrance.sockets;
    this.rememberFiles(entrance.ownAddrs);
    const limit = this.#limit = Math.min(settings.maxConnections, entrance.room);
    this.#about = {
      model: settings.serving.model,
      addrs: entrance.addrs,
      each: model.each,
      limits: {
        connections: limit,
        connectionsPerSource: settings.maxConnectionsPerSource,
        backlog: settings.backlog,
      },
    };
    this.#refusals = new Refusals({
      connections: settings.refuses ? limit : Infinity,
      perSource: settings.maxConnectionsPerSource,
      onRefused: this.#onRefused,
    });
    this.#supervisor = new Supervisor({
      ...CREWS[model.workers.crew](settings, entrance, limit),
      each: model.each,
      scores: settings.serving.messages ? null : entrance.scores, // then all is a message
      refusals: this.#refusals,
      start: entrance.start,
      onIdle: () => entrance.onIdle(),
      memory: settings.maxWorkerMemory > 0
        ? { limit: settings.maxWorkerMemory, of: runtime.memoryOf }
        : null,
      spreading: model.each === "one" ? spreadingOf(settings) : null,
      onEvent: this.emit,
      onGiveUp: (error) => this.fail(error),
    });
  }

  #open(): void {
    const worker = { kind: "main", id: 0 } as const;
    const onNoRoom = (code: string) => this.emit({ type: "accept_failed", code, count: 1, worker });
    const opening = { refusals: this.#refusals, onNoRoom, onRefused: this.#onRefused };
    this.#entrance.open(this.#supervisor, opening).catch((error) => this.fail(error));
  }

  readonly #onRefused = (remoteAddr: Address, reason: RefusalReason): void =>
    this.emit({ type: "refused", remoteAddr, reason, count: 1 });

  protected open(): number {
    return this.#supervisor.open;
  }

  about(): Omit<About, "handler"> {
    return this.#about;
  }

  protected look(): Omit<View, "stopping" | "certificates"> {
    const { workers } = this.#supervisor;
    const rows = this.#released ? undefined : this.#entrance.scores?.read();
    return {
      waiting: this.#stopped ? 0 : this.#entrance.queueLength(),
      workers: workerViews(workers, rows),
      lookAt: (look) => lookAt(workers, rows, look),
    };
  }

  protected replaceWorkers(): Promise<void> {
    let onReplaced;
    try {
      onReplaced = this.#readAgain();
    } catch (error) {
      return Promise.reject(error);
    }
    const reload = this.#supervisor.reload();
    reload.then(onReplaced, () => {}); // whoever asked is told
    return reload;
  }

  protected async beginShutdown(): Promise<void> {
    // Looks are counted, not time: workers take nobody while the machine pauses.
    // Empty twice: handshakes that had begun may still come to an end.
    try {
      this.#entrance.dropNewcomers();
      for (let looks = 0, empty = 0; empty < 2 && this.#supervisor.free > 0; looks++) {
        const waiting = this.#entrance.queueLength("own");
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

  protected release(): void | Promise<void> {
    this.#released = true;
    return this.#entrance.release();
  }
}
