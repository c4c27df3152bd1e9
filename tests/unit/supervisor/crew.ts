/** A supervisor with workers that do what the test says. */
import { SystemError } from "../../../src/connection/errors.ts";
import type { RefusalReason, UntimedEvent } from "../../../src/events.ts";
import type { WorkerName } from "../../../src/handler/handler.ts";
import { Refusals } from "../../../src/serving/refusals.ts";
import { Supervisor } from "../../../src/supervisor/supervisor.ts";
import type { SupervisorSettings } from "../../../src/supervisor/supervisor_settings.ts";
import type { Message, Order } from "../../../src/workers/messages.ts";
import type { WorkerHandle, WorkerListeners } from "../../../src/workers/worker_handle.ts";
import { until, within } from "../../tools/client.ts";
import { settle } from "../../tools/unit.ts";

/** As in supervisor.ts. */
export const TOP_UP_DELAY = 50;
export const FIRST_DELAY = 100;

/** Where clients come from. */
export const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 } as const;

/** A worker that does what the test says. */
export class FakeWorker implements WorkerHandle {
  name: WorkerName;
  readonly started = performance.now();
  readonly orders: Order[] = [];
  state: "starting" | "idle" | "busy" | "gone" = "starting";
  kills = 0;
  readonly #listeners: WorkerListeners;
  readonly #number: number;
  #served = 0;

  constructor(number: number, listeners: WorkerListeners) {
    this.#number = number;
    this.#listeners = listeners;
    this.name = { kind: "process", id: 1000 + number };
  }

  get connection(): string {
    return `${this.#number}.${this.#served}`;
  }

  order(order: Order): void {
    this.orders.push(order);
  }

  kill(): void {
    this.kills++;
  }

  /** What it was answered. */
  readonly answers: boolean[] = [];

  answer(admitted: boolean): void {
    this.answers.push(admitted);
  }

  /** Asks whether it may serve a client from an address. */
  ask(hostname: string): void {
    this.#listeners.onMessage({ type: "asks", remoteAddr: { ...remoteAddr, hostname } });
  }

  /** Says anything, as a handler can. */
  say(message: unknown): void {
    this.#listeners.onMessage(message as Message);
  }

  /** Says that the next connection is its last. */
  leaves(): void {
    this.#listeners.onMessage({ type: "leaving" });
  }

  /** Says that the client that it was handed has left. */
  vanished(): void {
    this.#listeners.onMessage({ type: "vanished" });
  }

  #event(event: UntimedEvent): void {
    this.#listeners.onMessage({ type: "event", event });
  }

  ready(forked?: true): void {
    this.state = "idle";
    this.#listeners.onMessage(forked ? { type: "ready", how: "forked" } : { type: "ready" });
  }

  /** Says that its handler must not be forked. */
  givesUp(): void {
    this.#listeners.onMessage({ type: "gave up" });
  }

  accept(): void {
    this.state = "busy";
    this.#served++;
    this.#event({ type: "accepted", id: this.connection, remoteAddr, worker: this.name });
  }

  close(): void {
    this.state = "idle";
    this.#event({
      type: "closed",
      id: this.connection,
      remoteAddr,
      worker: this.name,
      bytesRead: 1,
      bytesWritten: 2,
      milliseconds: 3,
      reason: "handler",
    });
  }

  fail(message: string): void {
    this.#listeners.onMessage({ type: "failed", message });
  }

  stuck(): void {
    this.#listeners.onMessage({ type: "stuck" });
  }

  fatal(message: string): void {
    this.#listeners.onMessage({ type: "fatal", message });
  }

  exit(reason = "exited with code 1"): void {
    this.state = "gone";
    this.#listeners.onExit(reason);
  }

  /** The system refuses to begin it. */
  refuse(code: string): void {
    this.state = "gone";
    this.#listeners.onExit(`spawn ${code}`, new SystemError(code, `spawn ${code}`));
  }
}

/** A supervisor whose workers are fakes, and what it has told. */
export class Crew {
  readonly all: FakeWorker[] = [];
  readonly events: UntimedEvent[] = [];
  readonly gaveUp: Error[] = [];
  readonly refusals: Refusals;
  /** Why clients were refused. */
  readonly refused: RefusalReason[] = [];
  readonly supervisor: Supervisor;
  /** How many clients wait. */
  queue: number | null = 0;
  /** The most workers that were there at once. */
  most = 0;
  /** When each start was asked for, those that threw among them. */
  readonly asked: number[] = [];
  /** What a worker does as soon as it is started. */
  onStart: (worker: FakeWorker) => void = () => {};
  startError: Error | null = null;

  constructor(
    settings: Partial<SupervisorSettings> = {},
    { connections = Infinity, perSource = 0 } = {},
  ) {
    const onRefused = (_: unknown, reason: RefusalReason) => void this.refused.push(reason);
    this.refusals = new Refusals({ connections, perSource, onRefused });
    this.supervisor = new Supervisor({
      each: "one",
      spares: 2,
      limit: 10,
      shrinkInterval: 5,
      queueLength: () => this.queue,
      onEvent: (event) => this.events.push(event),
      refusals: this.refusals,
      onGiveUp: (error) => this.gaveUp.push(error),
      start: (number, listeners) => {
        this.asked.push(performance.now());
        if (this.startError) throw this.startError;
        const worker = new FakeWorker(number, listeners);
        this.all.push(worker);
        this.most = Math.max(this.most, this.alive.length);
        queueMicrotask(() => worker.state === "starting" && this.onStart(worker));
        return worker;
      },
      ...settings,
    });
  }

  get alive(): FakeWorker[] {
    return this.all.filter((worker) => worker.state !== "gone");
  }

  in(state: FakeWorker["state"]): FakeWorker[] {
    return this.all.filter((worker) => worker.state === state);
  }

  told<T extends UntimedEvent["type"]>(type: T): Extract<UntimedEvent, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as never;
  }

  /** The milliseconds between one start and the next. */
  get gaps(): number[] {
    return this.asked.slice(1).map((time, i) => time - this.asked[i]);
  }
}

/** A crew whose workers are all ready at once, and the end of it. */
export async function withCrew(
  settings: Partial<SupervisorSettings>,
  run: (crew: Crew) => Promise<void>,
): Promise<void> {
  const crew = new Crew(settings);
  crew.onStart = (worker) => worker.ready();
  try {
    await within("the start", crew.supervisor.start());
    await until("the spares", () => crew.in("starting").length === 0);
    await run(crew);
  } finally {
    await end(crew);
  }
}

/** The end of a crew, whatever its workers do. */
export async function end(crew: Crew): Promise<void> {
  crew.supervisor.kill();
  await settle();
  for (const worker of crew.alive) worker.exit("killed");
  await within("the end of all", crew.supervisor.gone());
}
