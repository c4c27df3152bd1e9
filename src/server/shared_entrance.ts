/**
 * All workers share the listening socket: each takes its clients from that socket's queue.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { ACCEPT_TIMEOUT } from "../posix/blocking_listener.ts";
import { demandDescriptors, descriptorLimit } from "../posix/descriptors.ts";
import { Libc } from "../posix/libc.ts";
import { dropNewcomers } from "../posix/syn_filter.ts";
import { SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import type { Runtime } from "../runtime.ts";
import { processScores, type Scores, threadScores } from "../status/scores.ts";
import { ForkingStarter } from "../workers/forking.ts";
import { processStarter } from "../workers/process_worker.ts";
import { threadStarter } from "../workers/thread_worker.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import { bind } from "./bind.ts";
import type { Entrance, EntranceOptions } from "./entrance.ts";
import { setKeepAlive } from "./keep_alive.ts";
import type { Settings } from "./settings.ts";

/** What one worker, a thread with its connection, takes of this process's descriptors. */
export const WORKER_DESCRIPTORS = 8;
/** What must be left to start one: Deno panics, and Bun crashes, without (2.9, 1.4). */
const START_DESCRIPTORS = 24;

/** A listening socket that workers share, and what starts them. */
export class SharedEntrance implements Entrance {
  readonly sockets = "shared";
  readonly addr: Address;
  readonly start: StartWorker;
  readonly room: number;
  readonly scores: Scores | null;
  readonly #libc: Libc;
  readonly #listening: number;
  readonly #forking: ForkingStarter | null;

  /** Binds; each worker has one client at a time, and blocks in `accept` for the next. */
  static async bind(options: EntranceOptions): Promise<SharedEntrance> {
    const { runtime, where, settings, common } = options;
    const libc = new Libc(runtime);
    try {
      const listening = await listen(libc, options);
      libc.setTimeout(listening, "receive", ACCEPT_TIMEOUT);
      const { workerArgs } = settings;
      const scores = scoresFor(options);
      const setup = {
        ...{ runtime, libc, listening, common, workerArgs, sharing: null },
        scores: scores?.file,
      };
      const forking = where === "process" && mayFork(runtime, settings)
        ? new ForkingStarter(setup)
        : null;
      const start = where === "thread"
        ? threadStarter(runtime, libc, listening, common, scores?.shared)
        : forking?.start ?? processStarter(setup);
      const descriptors = descriptorLimit(libc) - SPARE_DESCRIPTORS;
      const room = Math.max(1, Math.floor(descriptors / WORKER_DESCRIPTORS));
      return new SharedEntrance(libc, listening, start, room, forking, scores);
    } catch (error) {
      libc.unload();
      throw error;
    }
  }

  constructor(
    libc: Libc,
    listening: number,
    start: StartWorker,
    room: number,
    forking: ForkingStarter | null = null,
    scores: Scores | null = null,
  ) {
    this.scores = scores;
    this.#libc = libc;
    this.#forking = forking;
    this.#listening = listening;
    this.addr = libc.localAddress(listening);
    this.room = room;
    this.start = (number, listeners, afresh) => {
      demandDescriptors(libc, START_DESCRIPTORS, listening);
      if (scores === null) return start(number, listeners, afresh);
      const onExit: typeof listeners.onExit = (...how) => {
        scores.free(number);
        listeners.onExit(...how);
      };
      return start(number, { ...listeners, onExit }, afresh);
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

  async release(): Promise<void> {
    await this.#forking?.close();
    this.scores?.close();
    this.#libc.close(this.#listening);
    this.#libc.unload();
  }
}

/** Where workers that block tell what they do; null if nobody looks, or it cannot be had. */
function scoresFor({ runtime, where, settings, common }: EntranceOptions): Scores | null {
  if (!common.reports) return null;
  const { maxConnections, spares } = settings;
  if (where === "thread") return threadScores(maxConnections + spares);
  return runtime.os === "linux" ? processScores(runtime, maxConnections + spares) : null;
}

/** Whether worker processes are forked where their handler lets them. */
function mayFork({ os, forkRefusal }: Runtime, { fork, workerArgs }: Settings): boolean {
  return fork && os === "linux" && forkRefusal(workerArgs) === null;
}

/** Takes the address; returns the listening socket's descriptor. */
export async function listen(
  libc: Libc,
  { runtime, address, settings }: EntranceOptions,
): Promise<number> {
  const { backlog, unixMode } = settings;
  const listening = await bind(runtime, address, unixMode, () => libc.listen(address, backlog));
  setKeepAlive(runtime, listening, settings.keepAlive);
  return listening;
}
