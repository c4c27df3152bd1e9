/**
 * Keeps workers: some ready before they are needed, more when all are busy,
 * fewer again after a while, a new one for each that dies.
 * @module
 */
import { BackOff, LONG_LIFE } from "./back_off.ts";
import type { Address } from "../connection/connection.ts";
import { acceptErrorClass, errorCode, SystemError } from "../connection/errors.ts";
import type { EventSink } from "../events.ts";
import type { Admission } from "../serving/admission.ts";
import type { Message } from "../workers/messages.ts";
import { Reloads, type Trial, type WorkerState } from "./reload.ts";
import { SupervisedWorker as Worker } from "./supervised_worker.ts";
import type { StartWorker, WorkerHandle } from "../workers/worker_handle.ts";
import { judgeMemory, MEMORY_INTERVAL, type MemorySettings } from "./worker_memory.ts";

/** How a supervisor keeps its workers. */
export interface SupervisorSettings {
  /** How many connections each holds: with one it is busy, or it never is. */
  readonly each: "one" | "many";
  /** Idle workers to keep beyond the busy ones. */
  readonly spares: number;
  /** The most workers at once. */
  readonly limit: number;
  /** Starts one. */
  readonly start: StartWorker;
  /** How many clients wait for a worker; null where it is not known. */
  readonly queueLength: () => number | null;
  /** Who is let in. */
  readonly admission: Admission;
  /** Told when a worker waits for a client. */
  readonly onIdle?: () => void;
  /** Told of what happens. */
  readonly onEvent: EventSink;
  /** Told once, when no worker can be kept running. */
  readonly onGiveUp: (error: Error) => void;
  /** What a worker process may hold; null: it is not looked at. */
  readonly memory?: MemorySettings | null;
  /** Milliseconds between two looks at whether there are too many. */
  readonly shrinkInterval?: number;
}

/** The most workers that are being started at once. */
const LARGEST_BURST = 32;
/** How many are started before the loop gets its turn; then one in each turn. */
const STARTS_IN_A_TURN = 4;
/** Milliseconds that spares must have been too few, with nobody waiting, to start more. */
const TOP_UP_DELAY = 50;
/** Looks in a row that must find idle workers too many before one leaves. */
const PATIENCE = 10;
/** Failures in a row, with no worker alive, after which it gives up. */
const GIVE_UP_AFTER = 5;

/** The only one that starts, counts, stops and replaces workers. */
export class Supervisor {
  readonly #settings: SupervisorSettings;
  readonly #workers = new Map<number, Worker>();
  readonly #ready = Promise.withResolvers<void>();
  #everReady = false;
  #stopping = false;
  readonly #gone = Promise.withResolvers<void>();
  #nextNumber = 1;
  #burst = 1;
  #topUp: ReturnType<typeof setTimeout> | null = null;
  #next: ReturnType<typeof setTimeout> | null = null;
  #looks = 0;
  #shrink: ReturnType<typeof setInterval> | null = null;
  #watch: ReturnType<typeof setInterval> | null = null;
  readonly #backOff = new BackOff(() => this.#keep());
  readonly #reloads: Reloads<Worker>;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    this.#reloads = new Reloads({
      workers: this.#workers,
      spares: settings.spares,
      limit: settings.limit,
      start: (trial) => this.#startOne(trial),
      leave: (worker) => this.#leave(worker),
      startAfresh: () => this.#startAfresh(),
    });
  }

  /**
   * Starts the first worker, and others when it is ready, with which this resolves.
   * @throws {Error} if none can be started, with what the first one said
   */
  start(): Promise<void> {
    const interval = this.#settings.shrinkInterval ?? 1000;
    this.#shrink = setInterval(() => this.#shrinkIfTooMany(), interval);
    const { memory } = this.#settings;
    if (memory) this.#watch = setInterval(() => this.#lookAtMemory(memory), MEMORY_INTERVAL);
    this.#keep();
    return this.#ready.promise;
  }

  /** How many connections are open. */
  get open(): number {
    let open = 0;
    for (const worker of this.#workers.values()) open += worker.open;
    return open;
  }

  /** How many workers wait for a client. */
  get idle(): number {
    return this.#count("idle");
  }

  /**
   * An idle worker for a client that was let in; it counts as busy from now on.
   * Null if there is none.
   */
  take(guest: Address): WorkerHandle | null {
    for (const worker of this.#workers.values()) {
      if (worker.state !== "idle") continue;
      worker.state = "busy";
      worker.admitted(guest);
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
    return this.#count("idle") + this.#count("starting");
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
    for (const worker of this.#workers.values()) {
      worker.handle.order("shutdown");
    }
  }

  /** Ends all workers now. */
  kill(): void {
    this.#stop();
    for (const worker of this.#workers.values()) worker.handle.kill();
  }

  /** Resolves when no worker is left; call it after `shutdown` or `kill`. */
  gone(): Promise<void> {
    return this.#workers.size === 0 ? Promise.resolve() : this.#gone.promise;
  }

  #stop(): void {
    this.#stopping = true;
    if (this.#shrink !== null) clearInterval(this.#shrink);
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#backOff.stop();
    if (this.#topUp !== null) clearTimeout(this.#topUp);
    if (this.#next !== null) clearTimeout(this.#next);
    this.#reloads.stop();
    if (!this.#everReady) {
      this.#ready.reject(
        new SystemError("ECANCELED", "The server was stopped while it started"),
      );
    }
  }

  /** However often starts have failed, the next may not. */
  #startAfresh(): void {
    this.#backOff.forget();
    this.#backOff.stop();
    this.#keep();
  }

  #leave(worker: Worker): void {
    worker.state = "leaving";
    worker.handle.order("leave");
  }

  #count(state: WorkerState): number {
    let count = 0;
    for (const worker of this.#workers.values()) {
      if (worker.state === state) count++;
    }
    return count;
  }

  /**
   * Starts as many workers as are wanted and allowed, a few in each turn of the
   * loop: a start takes long (20 ms of the main thread for a thread on Deno 2.9),
   * and signals and messages must not wait for all of them.
   * @param goesOn whether this is the next turn of a start that was wanted before
   */
  #keep(goesOn = false): void {
    if (this.#stopping || this.#backOff.waits || this.#next !== null) return;
    const starting = this.#count("starting");
    const idle = this.#count("idle");
    // What is wrong with the first would be wrong with all, and be said by each. Those that
    // share many clients begin together: one alone would take all who wait already.
    const all = this.#everReady || this.#settings.each === "many";
    let wanted = all ? this.#settings.spares : Math.min(1, this.#settings.spares);
    if (this.#everReady && (idle === 0 || goesOn)) {
      const waiting = this.#settings.queueLength();
      if (waiting !== null) wanted += waiting;
      else {
        // More clients may wait unseen: start twice as many each time.
        if (!goesOn && starting < this.#burst) {
          this.#burst = Math.min(this.#burst * 2, LARGEST_BURST);
        }
        wanted = Math.max(wanted, this.#burst);
      }
    }
    const room = this.#settings.limit - this.#workers.size;
    const missing = Math.min(wanted - idle - starting, room, LARGEST_BURST - starting);
    for (let i = 0; i < missing && !this.#backOff.waits && !this.#stopping; i++) {
      if (i === (goesOn ? 1 : STARTS_IN_A_TURN)) {
        this.#next = setTimeout(() => {
          this.#next = null;
          this.#keep(true);
        }, 0);
        return;
      }
      this.#startOne();
    }
  }

  /** A worker that is busy for a moment only needs no successor. */
  #topUpSoon(): void {
    if (this.#stopping) return;
    this.#topUp ??= setTimeout(() => {
      this.#topUp = null;
      this.#keep();
    }, TOP_UP_DELAY);
  }

  #becameBusy(): void {
    // At once only for clients that wait: a busy worker may be idle in a moment.
    if (this.#count("idle") === 0 && this.#settings.queueLength() !== 0) this.#keep();
    this.#topUpSoon();
  }

  #startOne(trial: Trial | null = null): void {
    const number = this.#nextNumber++;
    let worker: Worker;
    try {
      const handle = this.#settings.start(number, {
        onMessage: (message) => {
          this.#told(worker, message);
          this.#reloads.step();
        },
        onExit: (reason, notStarted) => {
          this.#exited(number, worker, reason, notStarted);
          this.#reloads.step();
        },
      });
      worker = new Worker(handle, this.#settings.admission, this.#reloads.generation, trial);
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      return trial ? trial.reject(error) : this.#notStarted(error);
    }
    this.#workers.set(number, worker);
    if (trial) this.#leave(worker);
  }

  #told(worker: Worker, message: Message): void {
    switch (message.type) {
      case "ready":
        worker.state = worker.state === "starting" ? "idle" : worker.state;
        worker.ready = true;
        this.#everReady = true;
        this.#settings.onEvent({
          type: "worker_started",
          worker: worker.handle.name,
        });
        this.#ready.resolve();
        worker.trial?.resolve();
        this.#settings.onIdle?.();
        return this.#keep();
      case "failed":
        worker.failed = true;
        if (worker.trial) return worker.trial.reject(new Error(message.message));
        this.#reloads.fail(new Error(message.message), worker.generation);
        // A module that cannot be loaded now cannot be loaded by the next one.
        if (!this.#everReady) this.#giveUp(new Error(message.message));
        else if (!this.#stopping) this.#reportFailure(message.message);
        return;
      case "unhandled":
        return this.#settings.onEvent({
          type: "unhandled",
          worker: worker.handle.name,
          error: message.message,
        });
      case "fatal":
        worker.state = "leaving";
        // The threads share the descriptor that is broken; a process has its own.
        if (worker.handle.name.kind === "thread") return this.#giveUp(new Error(message.message));
        worker.failed = true;
        worker.why = message.message;
        return;
      case "stuck":
        return this.#settings.onEvent({ type: "worker_stuck", worker: worker.handle.name });
      case "asks": {
        const { remoteAddr } = message;
        const admitted = this.#settings.admission.enter(remoteAddr);
        if (admitted) worker.admitted(remoteAddr);
        return worker.handle.answer(admitted);
      }
      case "vanished":
        worker.vanished();
        return this.#becameIdle(worker);
      case "leaving":
        worker.state = "leaving";
        return this.#keep();
      case "event":
        this.#settings.onEvent(message.event);
        if (message.event.type === "accepted") {
          worker.accepted(message.event);
          this.#backOff.forget();
          if (this.#settings.each === "many") return;
          if (worker.state === "idle") worker.state = "busy";
          this.#becameBusy();
        } else if (message.event.type === "closed") {
          worker.closed(message.event.id);
          this.#becameIdle(worker);
          if (this.#topUp !== null && this.#count("idle") >= this.#settings.spares) {
            clearTimeout(this.#topUp);
            this.#topUp = null;
          }
        }
    }
  }

  #reportFailure(message: string): void {
    this.#settings.onEvent({
      type: "worker_exited",
      worker: { kind: "main", id: 0 },
      reason: `a new worker could not start: ${message}`,
    });
  }

  #becameIdle(worker: Worker): void {
    if (worker.state !== "busy") return;
    worker.state = "idle";
    this.#settings.onIdle?.();
  }

  #exited(number: number, worker: Worker, how: string, notStarted?: Error): void {
    const reason = worker.why ?? how;
    this.#workers.delete(number);
    if (this.#workers.size === 0 && this.#stopping) this.#gone.resolve();
    if (notStarted) {
      if (!worker.trial) return this.#notStarted(notStarted);
      worker.trial.reject(notStarted);
      return this.#keep();
    }
    const error = new Error(`A worker ended before it was ready: ${reason}`);
    worker.trial?.reject(error);
    // What the first was given it was given by the user, who waits for an answer.
    if (!this.#everReady && !this.#stopping) return this.#giveUp(error);
    for (const event of worker.lost(this.#stopping ? "shutdown" : "worker", reason)) {
      this.#settings.onEvent(event);
    }
    this.#settings.onEvent({
      type: "worker_exited",
      worker: worker.handle.name,
      reason,
    });
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

  /** A worker has failed to start: wait longer each time before the next. */
  #failed(error: Error, wasReady = false): void {
    if (this.#stopping || this.#backOff.waits) return;
    this.#backOff.failed();
    // That passes; EAGAIN is fork's word for too many processes, see fork(2).
    const noRoom = acceptErrorClass(error) === "no room" || errorCode(error) === "EAGAIN";
    if (
      !(noRoom && this.#everReady) &&
      !wasReady && // it could be started, and was ended from outside
      this.#backOff.failures >= GIVE_UP_AFTER &&
      this.#count("idle") + this.#count("busy") === 0
    ) {
      return this.#giveUp(error);
    }
    this.#backOff.wait(noRoom);
  }

  #giveUp(error: Error): void {
    if (this.#stopping) return;
    this.#ready.reject(error);
    const everReady = this.#everReady;
    this.#everReady = true;
    this.kill();
    if (everReady) this.#settings.onGiveUp(error);
  }

  /** A worker that has served nobody is not replaced: the next one would hold as much. */
  #lookAtMemory(memory: MemorySettings): void {
    for (const worker of this.#workers.values()) {
      const verdict = judgeMemory(memory, worker.handle.name.id);
      if (verdict?.what === "end") {
        worker.why = verdict.why;
        worker.handle.kill();
      } else if (verdict && worker.served && worker.state !== "leaving") {
        worker.why = verdict.why;
        this.#leave(worker);
        this.#keep();
      }
    }
  }

  /** One of eight that are too many, and at least one, leaves at each look. */
  #shrinkIfTooMany(): void {
    this.#keep(); // clients may have come to the queue while all were busy
    const { idle } = this;
    if (idle > 0) this.#burst = 1;
    const surplus = idle - this.#settings.spares;
    this.#looks = surplus > 0 ? this.#looks + 1 : 0;
    if (this.#looks < PATIENCE) return;
    let leaving = Math.ceil(surplus / 8);
    for (const worker of this.#workers.values()) {
      if (leaving === 0) return;
      if (worker.state !== "idle") continue;
      this.#leave(worker);
      leaving--;
    }
  }
}
