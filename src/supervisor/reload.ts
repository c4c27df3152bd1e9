/**
 * A reload: all workers are replaced by new ones, one after another, and no
 * client is lost.
 * @module
 */
import { SystemError } from "../connection/errors.ts";

/** What a worker does. */
export type WorkerState = "starting" | "idle" | "busy" | "leaving";

/** A worker that is started to see whether the handler loads; settled when that is known. */
export type Trial = PromiseWithResolvers<void>;

/** A worker as a reload sees it. */
export interface Replaceable {
  readonly state: WorkerState;
  /** How many connections it has. */
  readonly open: number;
  /** How many reloads there had been when it was started. */
  readonly generation: number;
  /** It only shows whether the handler loads: it leaves before it takes a client. */
  readonly trial: Trial | null;
}

/** The workers, and what a reload does to them. */
export interface Crew<W extends Replaceable> {
  readonly workers: ReadonlyMap<number, W>;
  /** How many of them shall be idle. */
  readonly spares: number;
  /** The most that there may be, beside a trial. */
  readonly limit: number;
  /** Starts one; what becomes of a trial is told by it, of others by `fail`. */
  start(trial?: Trial): void;
  /** Asks one to leave when its connections have ended. */
  leave(worker: W): void;
  /** Starts those that are missing, however often starts have failed before. */
  startAfresh(): void;
}

/** The reloads of one supervisor, one at a time. */
export class Reloads<W extends Replaceable> {
  readonly #crew: Crew<W>;
  #generation = 0;
  #last: Promise<void> = Promise.resolve();
  /** The one that has not begun yet, and so will see what changes until then. */
  #next: Promise<void> | null = null;
  #replacing: PromiseWithResolvers<void> | null = null;
  #stopped = false;

  constructor(crew: Crew<W>) {
    this.#crew = crew;
  }

  /** How many have begun to replace workers. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Begins when the one before has ended; whoever asks until then has the same promise.
   * Resolves when no old worker waits for a client.
   * @throws {Error} if a new worker does not start; the old ones then stay
   */
  begin(): Promise<void> {
    return this.#next ??= this.#last = this.#last.catch(() => {}).then(() => this.#run());
  }

  async #run(): Promise<void> {
    this.#next = null;
    if (this.#stopped) throw stopped();
    const trial = Promise.withResolvers<void>();
    this.#crew.start(trial);
    await trial.promise;
    if (this.#stopped) throw stopped();
    this.#generation++;
    const replacing = this.#replacing = Promise.withResolvers<void>();
    this.#crew.startAfresh();
    this.step();
    await replacing.promise;
  }

  /**
   * To be called after each change: a worker with a client leaves after it, an
   * idle one when as many others are idle as there should be.
   */
  step(): void {
    if (!this.#replacing) return;
    const { workers, spares, limit } = this.#crew;
    const all = [...workers.values()].filter((worker) => !worker.trial);
    const old = all.filter((worker) => worker.generation < this.#generation);
    let surplus = all.filter((worker) => worker.state === "idle").length - spares;
    for (const worker of old) {
      const leaves = worker.state === "idle" ? surplus-- > 0 : worker.state !== "leaving";
      if (leaves) this.#crew.leave(worker);
    }
    if (old.every((worker) => worker.state === "leaving" && worker.open > 0)) {
      this.#replacing.resolve();
      this.#replacing = null;
      return;
    }
    const next = old.find((worker) => worker.state === "idle");
    if (!next || all.some((worker) => worker.state === "starting")) return;
    if (all.length < limit) this.#crew.start();
    // The limit holds: one leaves before its successor is started.
    else if (!old.some((worker) => worker.state === "leaving" && worker.open === 0)) {
      this.#crew.leave(next);
    }
  }

  /** A worker of this generation has failed to start: what is not replaced yet stays. */
  fail(error: Error, generation: number = this.#generation): void {
    if (generation < this.#generation) return;
    this.#replacing?.reject(error);
    this.#replacing = null;
  }

  /** The server stops. */
  stop(): void {
    this.#stopped = true;
    this.fail(stopped());
  }
}

function stopped(): SystemError {
  return new SystemError("ECANCELED", "The server was stopped while it reloaded");
}
