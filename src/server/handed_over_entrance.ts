/**
 * The main process accepts, and hands each socket over to a worker process: the
 * way where no C library can be opened.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { refuseNewcomers } from "../posix/syn_filter.ts";
import type { HandedSocket, HandOverListener, Runtime } from "../runtime.ts";
import { acceptLoop } from "../serving/accept_loop.ts";
import { type Refusals, SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { handedOverStarter } from "../workers/handed_over_worker.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import { bind, listenBy } from "./bind.ts";
import { demandKernel } from "./demand_kernel.ts";
import type { Entrance, EntranceOptions, Opening } from "./entrance.ts";
import { setKeepAlive } from "./keep_alive.ts";
import type { Settings } from "./settings.ts";

/** What a process with a channel, and the client for it, take of this process's descriptors. */
const CHANNEL_DESCRIPTORS = 4;
/**
 * Clients that Deno's node:net accepts before anybody is asked; when descriptors
 * run out meanwhile, it never accepts again and does not tell (2.9).
 */
const ACCEPT_BURST = 128;

/** Clients that were accepted here, and wait for an idle worker. */
export class HandedOverEntrance implements Entrance {
  readonly sockets = "handed over";
  readonly scores = null;
  readonly addr: Address;
  readonly start: StartWorker;
  readonly room: number;
  readonly #runtime: Runtime;
  readonly #listener: HandOverListener;
  /** How many may wait here. */
  readonly #queueRoom: number;
  /** Accepted, while every worker was busy. */
  readonly #waiting: HandedSocket[] = [];
  #supervisor: Supervisor | null = null;
  #refusals: Refusals | null = null;

  /** Binds. */
  static async bind(
    { runtime, address, settings, common }: EntranceOptions,
  ): Promise<HandedOverEntrance> {
    const listen = () => listenBy(runtime, address, settings.backlog, runtime.listenToHandOver);
    const listener = await bind(runtime, address, settings.unixMode, listen);
    const { descriptor } = listener;
    try {
      demandKernel(runtime, settings, descriptor === undefined);
    } catch (error) {
      listener.close();
      throw error;
    }
    setKeepAlive(runtime, descriptor!, settings.keepAlive);
    const { workerArgs, workerPermissions } = settings;
    const start = handedOverStarter(runtime, common, workerArgs, workerPermissions);
    const limit = runtime.descriptorLimit() ?? Infinity;
    const descriptors = limit - SPARE_DESCRIPTORS - ACCEPT_BURST;
    return new HandedOverEntrance(runtime, listener, start, settings, descriptors);
  }

  private constructor(
    runtime: Runtime,
    listener: HandOverListener,
    start: StartWorker,
    settings: Settings,
    descriptors: number,
  ) {
    this.#runtime = runtime;
    this.#listener = listener;
    this.addr = listener.addr;
    this.start = start;
    this.room = Math.max(1, Math.floor(descriptors / CHANNEL_DESCRIPTORS));
    const workers = Math.min(settings.maxConnections, this.room);
    const left = descriptors - CHANNEL_DESCRIPTORS * workers;
    this.#queueRoom = Math.max(1, Math.min(settings.backlog, left));
  }

  queueLength(): number {
    return this.#waiting.length;
  }

  open(supervisor: Supervisor, { refusals, ...told }: Opening): Promise<void> {
    this.#supervisor = supervisor;
    this.#refusals = refusals;
    return acceptLoop(this.#listener, Infinity, (socket) => {
      const { remoteAddr } = socket;
      if (this.#waiting.length >= this.#queueRoom) {
        told.onRefused(remoteAddr, "connections");
        this.#listener.drop(socket);
      } else if (!refusals.admit(remoteAddr)) this.#listener.drop(socket);
      else {
        this.#waiting.push(socket);
        this.onIdle();
        if (this.#waiting.length > 0) supervisor.look();
      }
      return Promise.resolve();
    }, told.onNoRoom);
  }

  onIdle(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#supervisor?.take(this.#waiting[0].remoteAddr);
      if (!worker) return;
      worker.give!(this.#waiting.shift()!);
    }
  }

  dropNewcomers(): void {
    refuseNewcomers(this.#runtime, this.#listener.descriptor);
  }

  stop(): void {
    this.#listener.close();
    for (const socket of this.#waiting.splice(0)) {
      this.#refusals!.leave(socket.remoteAddr);
      this.#listener.drop(socket);
    }
  }

  release(): void {}
}
