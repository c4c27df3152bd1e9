/**
 * The main process accepts, and hands each socket over to a worker process: the
 * way where no C library can be opened.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { refuseNewcomers } from "../posix/syn_filter.ts";
import type { HandedSocket, HandOverListener, Runtime } from "../runtime.ts";
import { acceptLoop } from "../serving/accept_loop.ts";
import { NO_SOURCE, type Refusals, SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { asOne, type OneListener } from "../serving/several_listeners.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { handedOverStarter } from "../workers/handed_over_worker.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import { bindAll, type Bound, listenBy, ownOf } from "./bind.ts";
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
  readonly addrs: readonly Address[];
  readonly ownAddrs: readonly Address[];
  readonly start: StartWorker;
  readonly room: number;
  readonly #runtime: Runtime;
  readonly #listeners: readonly Bound<HandOverListener>[];
  /** All of them as one. */
  readonly #source: OneListener<HandedSocket>;
  /** How many may wait here of each place. */
  readonly #queueRoom: number;
  /** By place, whether a worker asks again, when it knows from where its client comes. */
  readonly #asksLater: readonly boolean[];
  /** Accepted, while every worker was busy. */
  readonly #waiting: HandedSocket[] = [];
  /** The place whose turn was last. */
  #last = 0;
  #supervisor: Supervisor | null = null;
  #refusals: Refusals | null = null;

  /** Binds. */
  static async bind(
    { runtime, places, settings, common }: EntranceOptions,
  ): Promise<HandedOverEntrance> {
    const { backlog, unixMode, keepAlive, workerArgs, workerPermissions } = settings;
    const bound = await bindAll(runtime, places, unixMode, {
      open: (place) => listenBy(runtime, place, backlog, runtime.listenToHandOver),
      addressOf: ({ addr }) => addr,
      prepare({ descriptor }, { address }) {
        demandKernel(runtime, settings, descriptor === undefined);
        setKeepAlive(runtime, descriptor!, address, keepAlive);
      },
      close: (listener) => listener.close(),
    });
    const start = handedOverStarter(runtime, common, workerArgs, workerPermissions);
    const limit = runtime.descriptorLimit() ?? Infinity;
    const descriptors = limit - SPARE_DESCRIPTORS - ACCEPT_BURST;
    return new HandedOverEntrance(runtime, bound, start, settings, descriptors);
  }

  private constructor(
    runtime: Runtime,
    bound: readonly Bound<HandOverListener>[],
    start: StartWorker,
    settings: Settings,
    descriptors: number,
  ) {
    this.#runtime = runtime;
    this.#listeners = bound;
    this.addrs = bound.map(({ listener }) => listener.addr);
    this.ownAddrs = ownOf(bound).map(({ addr }) => addr);
    this.#source = asOne(
      bound.map(({ listener }) => listener),
      (socket, listener) => socket.place = bound[listener].place.number,
      (socket) => this.#drop(socket),
    );
    this.start = start;
    this.room = Math.max(1, Math.floor(descriptors / CHANNEL_DESCRIPTORS));
    const workers = Math.min(settings.maxConnections, this.room);
    const left = descriptors - CHANNEL_DESCRIPTORS * workers;
    this.#asksLater = settings.serving.proxies.map((proxy) => proxy !== null);
    const each = Math.floor(left / this.#asksLater.length);
    this.#queueRoom = Math.max(1, Math.min(settings.backlog, each));
  }

  queueLength(): number {
    return this.#waiting.length;
  }

  open(supervisor: Supervisor, { refusals, ...told }: Opening): Promise<void> {
    this.#supervisor = supervisor;
    this.#refusals = refusals;
    return acceptLoop(this.#source, Infinity, (socket) => {
      const { remoteAddr } = socket;
      if (this.#waitingAt(socket.place).length >= this.#queueRoom) {
        told.onRefused(remoteAddr, "connections");
        this.#drop(socket);
      } else if (!refusals.admit(this.#guest(socket), remoteAddr)) this.#drop(socket);
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
      const next = this.#next();
      const worker = this.#supervisor?.take(this.#guest(next));
      if (!worker) return;
      this.#last = next.place ?? 0;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      worker.give!(next);
    }
  }

  /** Who is first in the place whose turn it is. */
  #next(): HandedSocket {
    const count = this.#asksLater.length;
    const turn = ({ place = 0 }: HandedSocket) => (place - this.#last - 1 + count) % count;
    return this.#waiting.reduce((first, socket) => turn(socket) < turn(first) ? socket : first);
  }

  #waitingAt(place = 0): HandedSocket[] {
    return this.#waiting.filter((socket) => (socket.place ?? 0) === place);
  }

  #guest({ remoteAddr, place = 0 }: HandedSocket): Address {
    return this.#asksLater[place] ? NO_SOURCE : remoteAddr;
  }

  dropNewcomers(): void {
    for (const { descriptor } of ownOf(this.#listeners)) refuseNewcomers(this.#runtime, descriptor);
  }

  stop(): void {
    this.#source.close();
    for (const socket of this.#waiting.splice(0)) {
      this.#refusals!.leave(this.#guest(socket));
      this.#drop(socket);
    }
  }

  release(): void {}

  #drop(socket: HandedSocket): void {
    this.#listeners[0].listener.drop(socket);
  }
}
