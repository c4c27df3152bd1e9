/**
 * The two ways for a client to reach a worker: all workers share the listening
 * socket, or this process accepts and hands each socket over.
 * @module
 */
import { acceptLoop } from "../serving/accept_loop.ts";
import { bind } from "./bind.ts";
import type { Address } from "../connection/connection.ts";
import type { RefusalReason } from "../events.ts";
import { type Admission, SPARE_DESCRIPTORS } from "../serving/admission.ts";
import type { Model } from "./models.ts";
import { ACCEPT_TIMEOUT } from "../posix/blocking_listener.ts";
import { Board } from "../queue/board.ts";
import { demandDescriptors, descriptorLimit } from "../posix/descriptors.ts";
import { Libc } from "../posix/libc.ts";
import { dropNewcomers, refuseNewcomers } from "../posix/syn_filter.ts";
import type { HandedSocket, HandOverListener, Runtime } from "../runtime.ts";
import type { Settings } from "./serve_options.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import {
  handOverStarter,
  processStarter,
  type SharedSettings,
  type StartWorker,
  threadStarter,
} from "../workers/worker_handle.ts";

/** How clients reach workers. */
export interface Entrance {
  /** Where it listens. */
  readonly addr: Address;
  /** Which of the two ways it is. */
  readonly sockets: "shared" | "handed over";
  /** Starts a worker that clients can reach. */
  readonly start: StartWorker;
  /** The most workers that this process's descriptors allow. */
  readonly room: number;
  /** How many clients wait for a worker; null where it is not known. */
  queueLength(): number | null;
  /** Lets clients in, until `stop`. Rejects for an error that cannot be waited out. */
  open(supervisor: Supervisor, opening: Opening): Promise<void>;
  /** A worker has become idle. */
  onIdle(): void;
  /** Lets nobody else come to the queue. */
  dropNewcomers(): void;
  /** Refuses newcomers, and wakes workers that wait for one. */
  stop(): void;
  /** Gives back what is left, once the last worker is gone. */
  release(): void;
}

/** What an entrance needs to let clients in. */
export interface Opening {
  /** Who is let in, where it is not the workers who ask. */
  readonly admission: Admission;
  onNoRoom(code: string): void;
  onRefused(remoteAddr: Address, reason: RefusalReason): void;
}

/** What one worker, a thread with its connection, takes of this process's descriptors. */
export const WORKER_DESCRIPTORS = 8;
/** What must be left to start one: Deno panics, and Bun crashes, without (2.9, 1.4). */
const START_DESCRIPTORS = 24;
/** What a process with a channel, and the client for it, take of them. */
const CHANNEL_DESCRIPTORS = 4;
/**
 * Clients that Deno's node:net accepts before anybody is asked; when descriptors
 * run out meanwhile, it never accepts again and does not tell (2.9).
 */
const ACCEPT_BURST = 128;

/** No limit; Infinity is no JSON. */
const MANY = 2 ** 31 - 1;

/** Every worker takes clients from the queue of the same listening socket. */
export class SharedEntrance implements Entrance {
  readonly sockets = "shared";
  readonly addr: Address;
  readonly start: StartWorker;
  readonly room: number;
  readonly #libc: Libc;
  readonly #listening: number;
  readonly #board: Board | null;

  /** Binds. */
  static async bind(
    runtime: Runtime,
    model: Model,
    address: Address,
    settings: Settings,
    shared: SharedSettings,
  ): Promise<SharedEntrance> {
    const libc = new Libc(runtime);
    let board: Board | null = null;
    try {
      board = model.each === "many" ? new Board(runtime) : null;
      const listen = () => libc.listen(address, settings.backlog);
      const listening = await bind(runtime, address, settings.unixMode, listen);
      return new SharedEntrance(runtime, libc, model, listening, board, settings, shared);
    } catch (error) {
      board?.close();
      libc.unload();
      throw error;
    }
  }

  private constructor(
    runtime: Runtime,
    libc: Libc,
    model: Model,
    listening: number,
    board: Board | null,
    settings: Settings,
    shared: SharedSettings,
  ) {
    this.#libc = libc;
    this.#board = board;
    this.#listening = listening;
    this.addr = libc.localAddress(listening);
    const descriptors = descriptorLimit(libc) - SPARE_DESCRIPTORS;
    const all = { ...shared, listening };
    let start;
    if (board !== null) {
      this.room = Math.max(1, descriptors) * settings.workers;
      // Lest an accept that should not block does for longer, see below.
      libc.setTimeout(listening, "receive", 1);
      // Who is refused beyond the limit is accepted first.
      const most = settings.overLimit === "refuse" ? MANY : settings.maxConnections;
      const sharing = { board, most };
      start = processStarter(runtime, libc, all, settings.workerArgs, sharing);
    } else {
      this.room = Math.max(1, Math.floor(descriptors / WORKER_DESCRIPTORS));
      libc.setTimeout(listening, "receive", ACCEPT_TIMEOUT);
      start = model.where === "thread"
        ? threadStarter(runtime, libc, all)
        : processStarter(runtime, libc, all, settings.workerArgs, null);
    }
    this.start = (number, listeners) => {
      demandDescriptors(libc, START_DESCRIPTORS, listening);
      const handle = start(number, listeners);
      // Deno makes what it passes on block, for all who have it (2.9).
      if (board !== null) libc.setNonblocking(listening);
      return handle;
    };
  }

  queueLength(): number | null {
    return this.#libc.queueLength(this.#listening);
  }

  open(): Promise<void> {
    return Promise.resolve(); // the workers accept
  }

  onIdle(): void {}

  dropNewcomers(): void {
    dropNewcomers(this.#libc, this.#listening);
  }

  stop(): void {
    // This wakes every worker that is blocked in accept. The descriptor stays
    // until the last thread is gone, lest its number mean something else.
    this.#libc.shutdown(this.#listening, "both");
    if (this.addr.transport === "unix") this.#endQueue();
  }

  /** Linux resets who waits in a TCP socket's queue; a Unix one keeps them waiting. */
  #endQueue(): void {
    try {
      for (let next; (next = this.#libc.accept(this.#listening, true)) !== null;) {
        this.#libc.close(next.descriptor);
      }
    } catch {
      // EINVAL: it is shut down, and nobody waits any more.
    }
  }

  release(): void {
    this.#board?.close();
    this.#libc.close(this.#listening);
    this.#libc.unload();
  }
}

/** This process accepts, and hands each socket over to an idle worker process. */
export class HandOverEntrance implements Entrance {
  readonly sockets = "handed over";
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
  #admission: Admission | null = null;

  /** Binds. */
  static async bind(
    runtime: Runtime,
    address: Address,
    settings: Settings,
    shared: SharedSettings,
  ): Promise<HandOverEntrance> {
    const listen = () => runtime.listenToHandOver(address, settings.backlog);
    const listener = await bind(runtime, address, settings.unixMode, listen);
    const { workerArgs, workerPermissions } = settings;
    const start = handOverStarter(runtime, shared, workerArgs, workerPermissions);
    const limit = runtime.descriptorLimit() ?? Infinity;
    const descriptors = limit - SPARE_DESCRIPTORS - ACCEPT_BURST;
    return new HandOverEntrance(runtime, listener, start, settings, descriptors);
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

  open(supervisor: Supervisor, { admission, ...told }: Opening): Promise<void> {
    this.#supervisor = supervisor;
    this.#admission = admission;
    return acceptLoop(this.#listener, Infinity, (socket) => {
      const { remoteAddr } = socket;
      if (this.#waiting.length >= this.#queueRoom) {
        told.onRefused(remoteAddr, "connections");
        this.#listener.drop(socket);
      } else if (!admission.enter(remoteAddr)) this.#listener.drop(socket);
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
      this.#admission!.leave(socket.remoteAddr);
      this.#listener.drop(socket);
    }
  }

  release(): void {}
}
