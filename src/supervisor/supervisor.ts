/**
 * Keeps workers: some ready before they are needed, more when all are busy,
 * fewer again after a while, a new one for each that dies.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { Later } from "../connection/delay.ts";
import { SystemError } from "../connection/errors.ts";
import type { Spread } from "../serving/spread.ts";
import type { Message } from "../workers/messages.ts";
import type { WorkerHandle } from "../workers/worker_handle.ts";
import { BackOff, LONG_LIFE } from "./back_off.ts";
import { shutDown } from "./crew_end.ts";
import { CrewSize } from "./crew_size.ts";
import { CrewWatch, type Telling } from "./crew_watch.ts";
import { Forks } from "./forks.ts";
import { Reloads, type Trial } from "./reload.ts";
import { Roster } from "./roster.ts";
import { type Change, SupervisedWorker as Worker } from "./supervised_worker.ts";
import type { SupervisorSettings } from "./supervisor_settings.ts";
import { MemoryWatch } from "./worker_memory.ts";

/** How many are started before the loop gets its turn; then one in each turn. */
const STARTS_IN_A_TURN = 4;
/** Milliseconds that spares must have been too few, with nobody waiting, to start more. */
const TOP_UP_DELAY = 50;

/** The only one that starts, counts, stops and replaces workers. */
export class Supervisor {
  readonly #settings: SupervisorSettings;
  readonly #workers = new Roster();
  readonly #ready = Promise.withResolvers<void>();
  #everReady = false;
  #stopping = false;
  readonly #gone = Promise.withResolvers<void>();
  #nextNumber = 1;
  readonly #topUp = new Later(() => this.#keep());
  readonly #next = new Later(() => this.#keep(true));
  #shrink: ReturnType<typeof setInterval> | null = null;
  #memory: MemoryWatch | null = null;
  #watch: CrewWatch | null = null;
  #spread: Spread<number> | null = null;
  readonly #backOff = new BackOff(() => this.#keep());
  readonly #size: CrewSize;
  readonly #reloads: Reloads<Worker>;
  readonly #forks: Forks;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    const { spares, limit, each } = settings;
    // Those that share many clients begin together: one alone would take all who wait already.
    this.#size = new CrewSize({ spares, limit, together: each === "many" });
    this.#reloads = new Reloads({
      workers: this.#workers,
      spares,
      limit,
      start: (trial) => this.#startOne(trial),
      leave: (worker) => this.#leave(worker),
      startAfresh: () => {
        this.#watch?.look(); // whoever only seems to be busy may take a client yet
        // However often starts have failed, the next may not.
        this.#backOff.forget();
        this.#backOff.stop();
        this.#keep();
      },
    });
    this.#forks = new Forks(this.#workers, (worker) => this.#leave(worker), settings.onEvent);
  }

  /**
   * Starts the first worker, and others when it is ready, with which this resolves.
   * @throws {Error} if none can be started, with what the first one said
   */
  start(): Promise<void> {
    const interval = this.#settings.shrinkInterval ?? 1000;
    this.#shrink = setInterval(() => this.#shrinkIfTooMany(), interval);
    const { memory, scores } = this.#settings;
    if (scores) this.#watch = new CrewWatch(scores, (told) => this.#saw(told));
    if (memory) this.#memory = new MemoryWatch(memory, this.#workers, (w) => this.#replace(w));
    this.#keep();
    return this.#ready.promise;
  }

  /** How many connections are open. */
  get open(): number {
    this.#watch?.look();
    return this.#workers.open;
  }

  /** The workers that there are, by number. */
  get workers(): ReadonlyMap<number, Worker> {
    this.#watch?.look();
    return this.#workers;
  }

  /** How many workers wait for a client. */
  get idle(): number {
    return this.#workers.count("idle");
  }

  /**
   * An idle worker for a client that was let in; it counts as busy from now on.
   * Null if there is none.
   */
  take(guest: Address): WorkerHandle | null {
    for (const worker of this.#workers.idle()) {
      worker.take(guest);
      this.#becameBusy();
      return worker.handle;
    }
    return null;
  }

  /** Clients have come to the queue: starts workers if there are too few. */
  look(): void {
    this.#keep();
  }

  /** How many workers wait for a client, or will when they have started. */
  get free(): number {
    return this.idle + this.#workers.count("starting");
  }

  /**
   * Replaces all workers by new ones, one after another. Resolves when none of
   * the old ones waits for a client; their open connections go on.
   * @throws {Error} if a new one does not start; the old ones then stay
   */
  reload(): Promise<void> {
    return this.#reloads.begin();
  }

  /** Asks all workers to leave when their connections have ended. */
  shutdown(): void {
    if (this.#stopping) return;
    this.#stop();
    this.#spread = shutDown(() => this.workers, this.#settings.spreading ?? null);
  }

  /** Ends all workers now. */
  kill(): void {
    this.#stop();
    this.#spread?.stop();
    for (const { handle } of this.#workers.values()) handle.kill();
  }

  /** Resolves when no worker is left; call it after `shutdown` or `kill`. */
  gone(): Promise<void> {
    if (this.#workers.size === 0) this.#allGone();
    return this.#gone.promise;
  }

  #allGone(): void {
    this.#spread?.stop();
    this.#watch?.stop();
    this.#gone.resolve();
  }

  #stop(): void {
    this.#stopping = true;
    if (this.#shrink !== null) clearInterval(this.#shrink);
    this.#memory?.stop();
    this.#backOff.stop();
    this.#topUp.stop();
    this.#next.stop();
    this.#reloads.stop();
    if (!this.#everReady) {
      this.#ready.reject(new SystemError("ECANCELED", "The server was stopped while it started"));
    }
  }

  #leave(worker: Worker): void {
    worker.state = "leaving";
    worker.handle.order("leave");
  }

  #replace(worker: Worker): void {
    this.#leave(worker);
    this.#keep();
  }

  /**
   * Starts as many workers as are wanted and allowed, a few in each turn of the
   * loop: a start takes long (20 ms of the main thread for a thread on Deno 2.9),
   * and signals and messages must not wait for all of them.
   * @param goesOn whether this is the next turn of a start that was wanted before
   */
  #keep(goesOn = false): void {
    if (this.#stopping || this.#backOff.waits || this.#next.waits) return;
    const now = {
      starting: this.#workers.count("starting"),
      idle: this.idle,
      all: this.#workers.size,
      everReady: this.#everReady,
    };
    const missing = this.#size.missing(now, this.#settings.queueLength, goesOn);
    for (let i = 0; i < missing && !this.#backOff.waits && !this.#stopping; i++) {
      if (i === (goesOn ? 1 : STARTS_IN_A_TURN)) return this.#next.in(0);
      this.#startOne();
    }
  }

  #becameBusy(): void {
    // At once only for clients that wait: a busy worker may be idle in a moment.
    if (this.idle === 0 && this.#settings.queueLength() !== 0) this.#keep();
    // A worker that is busy for a moment only needs no successor.
    if (!this.#stopping) this.#topUp.in(TOP_UP_DELAY);
  }

  #startOne(trial: Trial | null = null): void {
    const number = this.#nextNumber++;
    let worker: Worker;
    try {
      const handle = this.#settings.start(number, {
        onMessage: (message) => this.#told(number, worker, message),
        onExit: (reason, notStarted) => {
          this.#exited(number, worker, reason, notStarted);
          this.#reloads.step();
        },
      }, trial !== null);
      worker = new Worker(handle, this.#settings, this.#reloads.generation, trial);
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      return trial ? trial.reject(error) : this.#notStarted(error);
    }
    this.#workers.set(number, worker);
    if (trial) this.#leave(worker);
  }

  #saw(tellings: readonly Telling[]): void {
    for (const [worker, change] of this.#workers.saw(tellings)) this.#changed(worker, change);
    this.#reloads.step();
  }

  #told(number: number, worker: Worker, message: Message): void {
    this.#watch?.look(); // what it told before, and what others did since the last look
    const { nth } = message;
    if (nth) this.#watch?.heard(number, nth);
    if (message.type === "ready") this.#everReady = true;
    this.#changed(worker, worker.told(message));
    if (nth) this.#watch?.look(); // what has waited for this
    this.#reloads.step();
  }

  #changed(worker: Worker, change: Change): void {
    switch (change?.what) {
      case "ready":
        this.#ready.resolve();
        worker.trial?.resolve();
        this.#forks.ready(worker);
        this.#settings.onIdle?.();
        return this.#keep();
      case "failed":
        return this.#couldNotLoad(worker, change.why);
      case "broken":
        return this.#giveUp(new Error(change.why));
      case "leaving":
        return this.#keep();
      case "gave up":
        if (worker.generation < this.#reloads.generation) return; // of no use after a reload
        if (this.#forks.gaveUp(worker.generation)) this.#keep();
        return;
      case "accepted":
        this.#backOff.forget();
        if (this.#settings.each === "one") this.#becameBusy();
        return;
      case "closed":
        if (change.idle) this.#settings.onIdle?.();
        if (this.#topUp.waits && this.idle >= this.#settings.spares) this.#topUp.stop();
    }
  }

  #couldNotLoad(worker: Worker, why: string): void {
    if (worker.trial) return worker.trial.reject(new Error(why));
    this.#reloads.fail(new Error(why), worker.generation);
    // A module that cannot be loaded now cannot be loaded by the next one.
    if (!this.#everReady) this.#giveUp(new Error(why));
    else if (!this.#stopping) this.#reportFailure(why);
  }

  #reportFailure(message: string): void {
    this.#settings.onEvent({
      type: "worker_exited",
      worker: { kind: "main", id: 0 },
      reason: `a new worker could not start: ${message}`,
    });
  }

  #exited(number: number, worker: Worker, how: string, notStarted?: Error): void {
    this.#watch?.ended(number); // it may have had a client
    const reason = worker.reason(how, this.#stopping);
    this.#workers.delete(number);
    if (this.#workers.size === 0 && this.#stopping) this.#allGone();
    if (notStarted) {
      if (!worker.trial) return this.#notStarted(notStarted);
      worker.trial.reject(notStarted);
      return this.#keep();
    }
    const error = new Error(`A worker ended before it was ready: ${reason}`);
    worker.trial?.reject(error);
    // The user waits to hear what is wrong with the first one.
    if (!this.#everReady && !this.#stopping) return this.#giveUp(error);
    const { onEvent } = this.#settings;
    for (const event of worker.lost(this.#stopping ? "shutdown" : "worker", reason)) onEvent(event);
    onEvent({ type: "worker_exited", worker: worker.handle.name, reason });
    if (this.#stopping) return;
    if (worker.trial) return this.#keep();
    const asked = worker.state === "leaving" && !worker.failed;
    const lived = Date.now() - worker.since > LONG_LIFE;
    if (lived) this.#backOff.forget();
    if (worker.served || asked || lived) return this.#keep();
    this.#reloads.fail(error, worker.generation);
    this.#failed(error, worker.ready && !worker.failed);
  }

  /** It could not even be begun, as when descriptors or processes run out. */
  #notStarted(error: Error): void {
    if (this.#stopping) return;
    this.#reloads.fail(error);
    if (this.#everReady && this.#backOff.mayReport()) this.#reportFailure(error.message);
    this.#failed(error);
  }

  /** @param wasReady it could be started, and was ended from outside */
  #failed(error: Error, wasReady = false): void {
    if (this.#stopping || this.#backOff.waits) return;
    const alive = this.idle + this.#workers.count("busy") > 0;
    if (!this.#backOff.failed(error, wasReady || alive, this.#everReady)) this.#giveUp(error);
  }

  #giveUp(error: Error): void {
    if (this.#stopping) return;
    this.#ready.reject(error);
    const everReady = this.#everReady;
    this.#everReady = true;
    this.kill();
    if (everReady) this.#settings.onGiveUp(error);
  }

  #shrinkIfTooMany(): void {
    this.#keep(); // clients may have come to the queue while all were busy
    let leaving = this.#size.surplus(this.idle);
    for (const worker of this.#workers.idle()) {
      if (leaving-- === 0) return;
      this.#leave(worker);
    }
  }
}
