/**
 * All workers share the listening sockets: each takes its clients from their queues.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { ACCEPT_TIMEOUT } from "../posix/client_queues.ts";
import { demandDescriptors, descriptorLimit } from "../posix/descriptors.ts";
import { Libc } from "../posix/libc.ts";
import { SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import type { Runtime } from "../runtime.ts";
import { processScores, type Scores, threadScores } from "../status/scores.ts";
import { ForkingStarter } from "../workers/forking.ts";
import { processStarter } from "../workers/process_worker.ts";
import { threadStarter } from "../workers/thread_worker.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import type { Entrance, EntranceOptions } from "./entrance.ts";
import { ListeningSockets } from "./listening_sockets.ts";
import type { Settings } from "./settings.ts";

/** What one worker, a thread with its connection, takes of this process's descriptors. */
export const WORKER_DESCRIPTORS = 8;
/** What must be left to start one: Deno panics, and Bun crashes, without (2.9, 1.4). */
const START_DESCRIPTORS = 24;

/** Listening sockets that workers share, and what starts them. */
export class SharedEntrance implements Entrance {
  readonly sockets = "shared";
  readonly addrs: readonly Address[];
  readonly ownAddrs: readonly Address[];
  readonly start: StartWorker;
  readonly room: number;
  readonly scores: Scores | null;
  readonly #libc: Libc;
  readonly #listening: ListeningSockets;
  readonly #forking: ForkingStarter | null;

  /** Binds; each worker has one client at a time, and blocks in `accept` for the next. */
  static async bind(options: EntranceOptions): Promise<SharedEntrance> {
    const { runtime, where, places, settings, common } = options;
    const libc = new Libc(runtime);
    let sockets: ListeningSockets | null = null;
    let scores: Scores | null = null;
    try {
      sockets = await ListeningSockets.open(libc, runtime, places, settings, ACCEPT_TIMEOUT);
      const { workerArgs } = settings;
      scores = scoresFor(options);
      const setup = {
        ...{ runtime, libc, sockets: sockets.shared, common, workerArgs, sharing: null },
        scores: scores?.file,
      };
      const forking = where === "process" && mayFork(runtime, settings)
        ? new ForkingStarter(setup)
        : null;
      const start = where === "thread"
        ? threadStarter(runtime, libc, sockets.shared, common, scores?.shared)
        : forking?.start ?? processStarter(setup);
      const descriptors = descriptorLimit(libc) - SPARE_DESCRIPTORS;
      const room = Math.max(1, Math.floor(descriptors / WORKER_DESCRIPTORS));
      return new SharedEntrance(libc, sockets, start, room, forking, scores);
    } catch (error) {
      scores?.close();
      sockets?.release();
      libc.unload();
      throw error;
    }
  }

  constructor(
    libc: Libc,
    listening: ListeningSockets,
    start: StartWorker,
    room: number,
    forking: ForkingStarter | null = null,
    scores: Scores | null = null,
  ) {
    this.scores = scores;
    this.#libc = libc;
    this.#forking = forking;
    this.#listening = listening;
    this.addrs = listening.addrs;
    this.ownAddrs = listening.ownAddrs;
    this.room = room;
    this.start = (number, listeners, afresh) => {
      demandDescriptors(libc, START_DESCRIPTORS, listening.first);
      const onExit: typeof listeners.onExit = (...how) => {
        listeners.onExit(...how); // which looks at what it did last
        scores?.free(number);
      };
      const handle = start(number, scores ? { ...listeners, onExit } : listeners, afresh);
      if (listening.areSeveral) listening.setNonblocking();
      return handle;
    };
  }

  queueLength(whose: "all" | "own" = "all"): number | null {
    return this.#listening.queueLength(whose);
  }

  open(): Promise<void> {
    return Promise.resolve(); // the workers accept
  }

  onIdle(): void {}

  dropNewcomers(): void {
    this.#listening.dropNewcomers();
  }

  stop(): void {
    // The descriptors stay until the last thread is gone, lest their numbers mean something else.
    this.#listening.stop();
  }

  async release(): Promise<void> {
    await this.#forking?.close();
    this.scores?.close();
    this.#listening.release();
    this.#libc.unload();
  }
}

/**
 * Where workers tell of their clients; null if there is none here.
 * @throws {SystemError} if no descriptor is free
 */
function scoresFor({ runtime, where, settings }: EntranceOptions): Scores | null {
  const { maxConnections, spares } = settings;
  if (where === "thread") return threadScores(maxConnections + spares);
  return runtime.os === "linux" ? processScores(runtime, maxConnections + spares) : null;
}

/** Whether worker processes are forked where their handler lets them. */
function mayFork({ os, forkRefusal }: Runtime, { fork, workerArgs }: Settings): boolean {
  return fork && os === "linux" && forkRefusal(workerArgs) === null;
}
