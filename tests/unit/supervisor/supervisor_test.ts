import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import type { RefusalReason, UntimedEvent } from "../../../src/events.ts";
import type { WorkerName } from "../../../src/handler/handler.ts";
import { Admission } from "../../../src/serving/admission.ts";
import type { Order } from "../../../src/workers/messages.ts";
import { Supervisor, type SupervisorSettings } from "../../../src/supervisor/supervisor.ts";
import type { WorkerHandle, WorkerListeners } from "../../../src/workers/worker_handle.ts";
import { MEMORY_INTERVAL } from "../../../src/supervisor/worker_memory.ts";
import { until, within } from "../../tools/client.ts";
import { delay, settle, state, test, unhandled } from "../../tools/unit.ts";

/** As in supervisor.ts. */
const TOP_UP_DELAY = 50;
const FIRST_DELAY = 100;

const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 } as const;

/** A worker that does what the test says. */
class FakeWorker implements WorkerHandle {
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

  ready(): void {
    this.state = "idle";
    this.#listeners.onMessage({ type: "ready" });
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

class Crew {
  readonly all: FakeWorker[] = [];
  readonly events: UntimedEvent[] = [];
  readonly gaveUp: Error[] = [];
  readonly admission: Admission;
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
    this.admission = new Admission({ connections, perSource, onRefused });
    this.supervisor = new Supervisor({
      each: "one",
      spares: 2,
      limit: 10,
      shrinkInterval: 5,
      queueLength: () => this.queue,
      onEvent: (event) => this.events.push(event),
      admission: this.admission,
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
async function withCrew(
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

async function end(crew: Crew): Promise<void> {
  crew.supervisor.kill();
  await settle();
  for (const worker of crew.alive) worker.exit("killed");
  await within("the end of all", crew.supervisor.gone());
}

test("start starts one worker, resolves when it is ready, and starts the other spares", async () => {
  const crew = new Crew({ spares: 3 });
  const started = crew.supervisor.start();
  assertEquals(await state(started), "pending");
  assertEquals(crew.all.length, 1, "what is wrong with the first would be said by each");
  crew.all[0].ready();
  assertEquals(await state(started), "resolved");
  assertEquals(crew.told("worker_started").map(({ worker }) => worker), [crew.all[0].name]);
  await until("the spares", () => crew.all.length === 3);
  assertEquals([crew.supervisor.idle, crew.supervisor.open], [1, 0]);
  await end(crew);
});

test("workers of many connections are started together, as one would take all who wait", async () => {
  const crew = new Crew({ spares: 3, each: "many" });
  const started = crew.supervisor.start();
  await until("all", () => crew.all.length === 3);
  assertEquals(await state(started), "pending");
  crew.all[1].ready();
  await started;
  await end(crew);
});

test("the limit is above the spares", async () => {
  const crew = new Crew({ spares: 5, limit: 2 });
  crew.onStart = (worker) => worker.ready();
  await crew.supervisor.start();
  await until("both", () => crew.supervisor.idle === 2);
  await delay(20);
  assertEquals(crew.all.length, 2);
  await end(crew);
});

test("idle and open count the workers", () =>
  withCrew({ spares: 3 }, async (crew) => {
    const [one, two] = crew.all;
    one.accept();
    two.accept();
    assertEquals([crew.supervisor.idle, crew.supervisor.open], [1, 2]);
    one.close();
    assertEquals([crew.supervisor.idle, crew.supervisor.open], [2, 1]);
    two.exit();
    assertEquals(crew.supervisor.open, 0);
    await settle();
  }));

test("what a worker says is told, in order", () =>
  withCrew({}, async (crew) => {
    const [one] = crew.all;
    one.accept();
    one.close();
    await settle();
    const ids = crew.events.flatMap((event) => "id" in event ? [`${event.type} ${event.id}`] : []);
    assertEquals(ids, ["accepted 1.1", "closed 1.1"]);
  }));

/** So long that it does not look while the test runs. */
const NO_LOOKS = 60_000;

test("a worker that becomes busy gets a successor", () =>
  withCrew({ spares: 2, shrinkInterval: NO_LOOKS }, async (crew) => {
    crew.all[0].accept();
    await until("a third worker", () => crew.all.length === 3);
    await until("the spares", () => crew.supervisor.idle === 2);
    await delay(3 * TOP_UP_DELAY);
    assertEquals(crew.all.length, 3);
  }));

test("clients that are served in a moment start no worker", () =>
  withCrew({ spares: 2, shrinkInterval: NO_LOOKS }, async (crew) => {
    const [second, look] = [delay(0.6 * TOP_UP_DELAY), delay(1.2 * TOP_UP_DELAY)];
    crew.all[0].accept();
    crew.all[0].close();
    await second;
    crew.all[0].accept();
    await look;
    assertEquals(crew.all.length, 2, "the first client's delay was counted for the second");
    crew.all[0].close();
    await delay(2 * TOP_UP_DELAY);
    assertEquals(crew.all.length, 2);
  }));

test("when all are busy, one is started for each client that waits, and the spares", () =>
  withCrew({ spares: 2, limit: 30 }, async (crew) => {
    crew.onStart = () => {};
    crew.queue = 7;
    crew.all[0].accept();
    assertEquals(crew.all.length, 2);
    crew.all[1].accept();
    assert(crew.in("starting").length < 9, "all of them in one turn of the loop");
    await until("one for each", () => crew.in("starting").length === 9);
    await delay(3 * TOP_UP_DELAY);
    assertEquals(crew.in("starting").length, 9, "those that start were not counted");
  }));

test("clients that come while all are busy are seen, though no worker says anything", () =>
  withCrew({ spares: 1, limit: 30 }, async (crew) => {
    crew.all[0].accept();
    await until("a successor", () => crew.supervisor.idle === 1);
    crew.onStart = () => {};
    crew.in("idle")[0].accept();
    await until("another", () => crew.in("starting").length === 1);
    crew.queue = 5;
    await until("one for each", () => crew.in("starting").length === 6);
  }));

for (const queue of [0, 100, null]) {
  test(`there are never more than the limit, with ${queue} in the queue`, () =>
    withCrew({ spares: 3, limit: 7 }, async (crew) => {
      crew.queue = queue;
      crew.onStart = (worker) => {
        worker.ready();
        worker.accept();
      };
      for (const worker of crew.in("idle")) worker.accept();
      await until("all of them", () => crew.in("busy").length === 7);
      crew.in("busy")[0].exit();
      await until("a successor", () => crew.in("busy").length === 7);
      await delay(2 * TOP_UP_DELAY);
      assertEquals(crew.most, 7);
    }));
}

test("where the queue is not known, more are started each time, and few again later", () =>
  withCrew({ spares: 1, limit: 200 }, async (crew) => {
    crew.queue = null;
    crew.onStart = () => {};
    const bursts: number[] = [];
    crew.all[0].accept();
    for (let i = 0; i < 6; i++) {
      await until("the next burst", () => crew.in("starting").length > 0);
      // It is spread over turns of the loop.
      for (let size = 0; size < crew.in("starting").length; await delay(60)) {
        size = crew.in("starting").length;
      }
      const burst = crew.in("starting");
      bursts.push(burst.length);
      for (const worker of burst) {
        worker.ready();
        worker.accept();
      }
    }
    assert(bursts.at(-1)! >= 16, `bursts of ${bursts}`);
    assert(bursts.every((size) => size <= 32), `bursts of ${bursts}`);
    crew.onStart = (worker) => worker.ready();
    for (const worker of crew.in("busy")) worker.close();
    await until("only spares", () => {
      for (const worker of crew.alive) if (worker.orders.length > 0) worker.exit("left");
      return crew.alive.length === 1;
    });
    crew.onStart = () => {};
    crew.alive[0].accept();
    await until("a small burst", () => crew.in("starting").length > 0);
    assert(crew.in("starting").length <= 2, `${crew.in("starting").length} at once`);
  }));

test("too many idle workers leave after a while, down to the spares; busy ones stay", () =>
  withCrew({ spares: 2, limit: 30, shrinkInterval: 30 }, async (crew) => {
    crew.queue = 18;
    for (const worker of crew.in("idle")) worker.accept();
    await until("20 more", () => crew.in("idle").length === 20);
    crew.queue = 0;
    const [busy] = crew.in("busy");
    for (const worker of crew.in("busy")) if (worker !== busy) worker.close();
    let looked = 0;
    await until("only spares", () => {
      const leaving = crew.alive.filter(({ orders }) => orders.length > 0);
      looked++;
      assert(leaving.length <= 10, `${leaving.length} leave at once`);
      for (const worker of leaving) {
        assertEquals(worker.orders, ["leave"]);
        worker.exit("left");
      }
      return crew.alive.length === 3;
    });
    assert(looked > 2, "they left all at once");
    assertEquals(crew.in("idle").length, 2);
    assertEquals([busy.state, busy.orders, busy.kills], ["busy", [], 0]);
    await delay(600); // 20 looks
    assertEquals(crew.alive.length, 3);
    assert(crew.alive.every(({ orders }) => orders.length === 0));
    assertEquals(crew.told("closed").length, 1);
  }));

test("nobody leaves when there are too many for a moment only", () =>
  withCrew({ spares: 1, limit: 30, shrinkInterval: 20 }, async (crew) => {
    crew.all[0].accept();
    await until("a successor", () => crew.supervisor.idle === 1);
    for (let i = 0; i < 6; i++) {
      crew.all[0].close();
      await delay(60);
      crew.all[0].accept();
      await delay(25);
    }
    assert(crew.all.every(({ orders }) => orders.length === 0), "one was told to leave");
  }));

test("a worker that shall leave may serve a client first", () =>
  withCrew({ spares: 1 }, async (crew) => {
    crew.all[0].accept();
    await until("a successor", () => crew.supervisor.idle === 1);
    crew.all[0].close();
    await until("one leaves", () => crew.all.some(({ orders }) => orders.length > 0));
    const leaving = crew.all.find(({ orders }) => orders.length > 0)!;
    leaving.accept();
    assertEquals(crew.supervisor.open, 1);
    leaving.close();
    assertEquals(crew.supervisor.open, 0);
    const { idle } = crew.supervisor;
    leaving.exit("left");
    assertEquals(crew.supervisor.idle, idle);
    assertEquals(crew.told("closed").at(-1)!.reason, "handler");
  }));

test("a worker that leaves when it was asked has not failed", () =>
  withCrew({ spares: 1 }, async (crew) => {
    crew.queue = 1;
    crew.all[0].accept();
    await until("two more", () => crew.in("idle").length === 2);
    await until("one leaves", () => crew.all.some(({ orders }) => orders.length > 0));
    crew.all.find(({ orders }) => orders.length > 0)!.exit("left");
    const { length } = crew.all;
    for (const worker of crew.in("idle")) worker.accept();
    assert(crew.all.length > length, "it waits as after a failure");
  }));

test("a worker that dies idle is replaced", () =>
  withCrew({ spares: 2 }, async (crew) => {
    crew.all[0].exit("signal SIGKILL");
    await until("a successor", () => crew.supervisor.idle === 2);
    assertEquals(crew.all.length, 3);
    assertEquals(crew.told("closed").length, 0);
    const [exited] = crew.told("worker_exited");
    assertEquals([exited.worker, exited.reason], [crew.all[0].name, "signal SIGKILL"]);
  }));

test("a worker that dies busy is replaced at once, and its connection's end is written for it", () =>
  withCrew({ spares: 2 }, async (crew) => {
    const [one] = crew.all;
    one.accept();
    one.close();
    one.accept();
    one.exit("signal SIGSEGV");
    assertEquals(crew.all.length, 3);
    const [first, second] = crew.told("closed");
    assertEquals([first.id, first.reason], ["1.1", "handler"]);
    assert(Number.isInteger(second.milliseconds) && second.milliseconds >= 0);
    assertEquals(second, {
      type: "closed",
      id: "1.2",
      remoteAddr,
      worker: one.name,
      bytesRead: 0,
      bytesWritten: 0,
      milliseconds: second.milliseconds,
      reason: "worker",
      error: "signal SIGSEGV",
    });
    assertEquals(crew.told("closed").length, 2);
    assertEquals(crew.told("worker_exited").length, 1);
    assertEquals(crew.events.at(-1)!.type, "worker_exited");
    await until("a successor", () => crew.supervisor.idle === 2);
  }));

test("a worker that dies while it starts is replaced, later", () =>
  withCrew({ spares: 2 }, async (crew) => {
    crew.onStart = () => {};
    crew.all[0].accept();
    await until("a successor", () => crew.in("starting").length === 1);
    crew.in("starting")[0].exit();
    const { length } = crew.all;
    const died = performance.now();
    await until("another", () => crew.all.length > length);
    assert(performance.now() - died >= FIRST_DELAY - 5, "it was replaced at once");
    assertEquals(crew.all[0].state, "busy");
    assertEquals(crew.gaveUp, []);
  }));

test("a worker that cannot load its handler is told, and replaced later", () =>
  withCrew({ spares: 2 }, async (crew) => {
    crew.onStart = () => {};
    crew.all[0].accept();
    await until("a successor", () => crew.in("starting").length === 1);
    const [worker] = crew.in("starting");
    worker.fail("the file is gone");
    worker.exit("exited with code 0");
    assertEquals(crew.told("worker_exited").map(({ worker, reason }) => [worker.kind, reason]), [
      ["main", "a new worker could not start: the file is gone"],
      ["process", "exited with code 0"],
    ]);
    const { length } = crew.all;
    await until("another", () => crew.all.length > length);
    assertEquals(crew.gaveUp, []);
  }));

test("start rejects with what the first worker said", async () => {
  const crew = new Crew({ spares: 3 });
  const started = crew.supervisor.start();
  crew.all[0].fail("broken at load");
  await assertRejects(() => within("the start", started), Error, "broken at load");
  assertEquals(crew.all.map(({ kills }) => kills > 0), [true]);
  for (const worker of crew.alive) worker.exit("killed");
  await within("the end of all", crew.supervisor.gone());
  await delay(2 * FIRST_DELAY);
  assertEquals(crew.all.length, 1);
  assertEquals(crew.gaveUp, [], "start has said it");
});

test("start rejects when the first worker dies before it is ready, and starts no other", async () => {
  const crew = new Crew({ spares: 2 });
  crew.onStart = (worker) => worker.exit("signal SIGILL");
  await assertRejects(
    () => within("the start", crew.supervisor.start()),
    Error,
    "signal SIGILL",
  );
  await within("the end of all", crew.supervisor.gone());
  await delay(2 * FIRST_DELAY);
  assertEquals([crew.asked.length, crew.gaveUp.length], [1, 0]);
});

test("it gives up once when no new worker starts and none is alive", () =>
  withCrew({ spares: 1 }, async (crew) => {
    crew.onStart = (worker) => worker.exit("signal SIGILL");
    crew.all[0].accept();
    crew.all[0].exit("signal SIGSEGV");
    await until("it has given up", () => crew.gaveUp.length > 0);
    assert(crew.gaveUp[0].message.includes("signal SIGILL"), crew.gaveUp[0].message);
    const { length } = crew.asked;
    assert(length >= 4 && length <= 8, `${length} starts`);
    await delay(100);
    assertEquals([crew.asked.length, crew.gaveUp.length], [length, 1]);
  }));

test("it does not give up while a worker is alive", () =>
  withCrew({ spares: 1 }, async (crew) => {
    crew.onStart = (worker) => worker.exit("signal SIGILL");
    crew.all[0].accept();
    await until("six failures", () => crew.in("gone").length === 6);
    assertEquals(crew.gaveUp, []);
    assertEquals([crew.all[0].state, crew.all[0].kills], ["busy", 0]);
    const last = crew.gaps.slice(-4);
    last.forEach((gap, i) => {
      assert(gap >= FIRST_DELAY * 2 ** (i + 1) - 5, `gaps of ${last.map(Math.round)} ms`);
    });
  }));

test("a failure that is over is forgotten when workers serve again", () =>
  withCrew({ spares: 1 }, async (crew) => {
    // Timers end in their order, however long the machine pauses.
    let late = 0;
    let timer: ReturnType<typeof setTimeout>;
    for (let round = 0; round < 3; round++) {
      crew.onStart = (worker) => {
        clearTimeout(timer);
        timer = setTimeout(() => late++, FIRST_DELAY * 8);
        worker.exit("signal SIGILL");
      };
      const failures = crew.in("gone").length;
      crew.in("idle")[0].accept();
      await until("two failures", () => crew.in("gone").length >= failures + 2);
      crew.onStart = (worker) => {
        clearTimeout(timer);
        worker.ready();
      };
      await until("a worker", () => crew.supervisor.idle === 1);
      const [first, second] = crew.in("idle");
      assertEquals(second, undefined);
      first.accept();
      first.close();
    }
    assertEquals(crew.gaveUp, []);
    assertEquals(late, 0, "a start came as late as after many failures");
  }));

test("workers that become ready and die before they serve are started ever more slowly", async () => {
  const crew = new Crew({ spares: 2 });
  crew.onStart = (worker) => {
    worker.ready();
    setTimeout(() => worker.exit("signal SIGILL"), 5);
  };
  await within("the start", crew.supervisor.start());
  await until(
    "enough time",
    () => performance.now() - crew.asked[0] > 1600 || crew.gaveUp.length > 0,
  );
  const { length } = crew.asked;
  await end(crew);
  // With 100, 200, 400 and 800 ms between: five times two.
  assert(length <= 12, `${length} starts in 1.6 s`);
});

test("an accept that fails for good in one thread ends all: they share the descriptor", () =>
  withCrew({ spares: 2 }, async (crew) => {
    for (const worker of crew.all) worker.name = { kind: "thread", id: worker.name.id };
    crew.all[1].accept();
    crew.all[0].fatal("accept failed: EBADF");
    assertEquals(crew.gaveUp.map(({ message }) => message), ["accept failed: EBADF"]);
    crew.all[1].fatal("accept failed: EBADF");
    assertEquals(crew.gaveUp.length, 1);
    assert(crew.all.every(({ kills }) => kills > 0));
    for (const worker of crew.all) worker.exit();
    await delay(2 * FIRST_DELAY);
    assertEquals(crew.all.length, 2);
  }));

test("an accept that fails for good in one process ends that process", () =>
  withCrew({ spares: 2 }, async (crew) => {
    crew.all[0].accept();
    crew.all[0].close();
    crew.all[0].fatal("accept failed: EBADF");
    crew.all[0].exit("exit");
    assertEquals(crew.told("worker_exited").map(({ reason }) => reason), ["accept failed: EBADF"]);
    await until("the spares", () => crew.supervisor.idle === 2);
    assertEquals(crew.gaveUp, []);
  }));

test("it gives up when accept fails for good in every process", async () => {
  const crew = new Crew({ spares: 1 });
  crew.onStart = (worker) => {
    worker.ready();
    worker.fatal("accept failed: EBADF");
    worker.exit("exit");
  };
  await crew.supervisor.start();
  await until("it gives up", () => crew.gaveUp.length > 0);
  await end(crew);
});

test("a worker that holds too much leaves after its client, one that holds twice as much is ended", async () => {
  const MIB = 2 ** 20;
  const held = new Map<number, number>();
  const memory = { limit: 10, of: (pid: number) => held.get(pid) ?? null };
  await withCrew({ spares: 3, memory }, async (crew) => {
    const [modest, grown, huge] = crew.all;
    for (const worker of [modest, grown, huge]) worker.accept();
    held.set(modest.name.id, 10 * MIB).set(grown.name.id, 11 * MIB).set(huge.name.id, 21 * MIB);
    await until("a kill", () => huge.kills > 0);
    assertEquals([modest.orders, grown.orders, grown.kills], [[], ["leave"], 0]);
    huge.exit("SIGKILL");
    grown.close();
    grown.exit("exit");
    const why = (mib: number) => `it held ${mib} MiB of memory, and may hold 10`;
    assertEquals(crew.told("worker_exited").map(({ reason }) => reason), [why(21), why(11)]);
    assertEquals(crew.told("closed").map(({ reason, error }) => [reason, error]), [
      ["worker", why(21)],
      ["handler", undefined],
    ]);
    modest.close();
  });
});

test("a worker that holds too much before it has served is left alone: the next would be no smaller", async () => {
  const memory = { limit: 10, of: () => 15 * 2 ** 20 };
  await withCrew({ spares: 1, memory }, async (crew) => {
    await delay(2 * MEMORY_INTERVAL);
    assertEquals(crew.all.map(({ orders, kills }) => [orders, kills]), [[[], 0]]);
  });
});

test("a thread that is stuck is reported", () =>
  withCrew({ spares: 1 }, (crew) => {
    crew.all[0].stuck();
    assertEquals(crew.told("worker_stuck").map(({ worker }) => worker), [crew.all[0].name]);
    return Promise.resolve();
  }));

test("shutdown asks every worker once, replaces none, and is over when the last has left", () =>
  withCrew({ spares: 3 }, async (crew) => {
    const [idle, busy, dying] = crew.all;
    busy.accept();
    dying.accept();
    crew.supervisor.shutdown();
    crew.supervisor.shutdown();
    assertEquals(crew.all.map(({ orders }) => orders), [["shutdown"], ["shutdown"], ["shutdown"]]);
    const gone = crew.supervisor.gone();
    idle.exit("left");
    dying.exit("signal SIGKILL");
    assertEquals(await state(gone), "pending");
    busy.close();
    busy.exit("left");
    assertEquals(await state(gone), "resolved");
    const closed = crew.told("closed").map(({ id, reason, error }) => [id, reason, error]);
    assertEquals(closed, [["3.1", "shutdown", "signal SIGKILL"], ["2.1", "handler", undefined]]);
    await delay(2 * FIRST_DELAY);
    assertEquals(crew.all.length, 3);
    assert(crew.all.every(({ kills }) => kills === 0));
  }));

test("shutdown with a queue, a retry and a top-up under way starts no worker", () =>
  withCrew({ spares: 3 }, async (crew) => {
    crew.all[0].exit(); // a retry
    crew.all[1].accept(); // a top-up
    crew.queue = 9;
    crew.supervisor.shutdown();
    crew.all[2].accept();
    await delay(2 * FIRST_DELAY);
    assertEquals(crew.all.length, 3);
  }));

test("a client that is accepted after shutdown leaves no timer behind", async () => {
  const crew = new Crew({ spares: 2 });
  crew.onStart = (worker) => worker.ready();
  await within("the start", crew.supervisor.start());
  crew.supervisor.shutdown();
  const [one, two] = crew.all;
  one.accept();
  two.exit("left");
  one.close();
  one.exit("left");
  await within("the end of all", crew.supervisor.gone());
});

test("shutdown while it starts rejects start, and asks those that start", async () => {
  const crew = new Crew({ spares: 2 });
  const started = crew.supervisor.start();
  crew.supervisor.shutdown();
  const error = await assertRejects(() => within("the start", started), SystemError);
  assertEquals(error.code, "ECANCELED");
  assertEquals(crew.all.map(({ orders }) => orders), [["shutdown"]]);
  crew.all[0].ready();
  crew.all[0].exit("left");
  await within("the end of all", crew.supervisor.gone());
  assertEquals(crew.all.length, 1);
});

test("kill ends every worker, also after shutdown; shutdown after kill does nothing", () =>
  withCrew({ spares: 2 }, async (crew) => {
    crew.all[0].accept();
    crew.supervisor.shutdown();
    assert(crew.all.every(({ kills }) => kills === 0));
    crew.supervisor.kill();
    assert(crew.all.every(({ kills }) => kills === 1));
    crew.supervisor.shutdown();
    assertEquals(crew.all.map(({ orders }) => orders), [["shutdown"], ["shutdown"]]);
    for (const worker of crew.all) worker.exit("signal SIGKILL");
    assertEquals(crew.told("closed").map(({ reason }) => reason), ["shutdown"]);
    assertEquals(await state(crew.supervisor.gone()), "resolved");
  }));

test("gone resolves for everybody who waits, and at once when nobody is left", () =>
  withCrew({ spares: 1 }, async (crew) => {
    crew.supervisor.kill();
    const waiting = [crew.supervisor.gone(), crew.supervisor.gone()];
    assertEquals(await Promise.all(waiting.map(state)), ["pending", "pending"]);
    crew.all[0].exit("killed");
    assertEquals(await state(crew.supervisor.gone()), "resolved");
    assertEquals(await Promise.all(waiting.map(state)), ["resolved", "resolved"]);
  }));

test("start rejects with what starting a worker throws, after some tries", async () => {
  const crew = new Crew({ spares: 1 });
  crew.startError = new SystemError("EMFILE", "no descriptors");
  const error = await within(
    "the start",
    crew.supervisor.start().then(() => null, (error) => error),
  );
  assertStrictEquals(error, crew.startError);
  assert(crew.gaps.length >= 3, `only ${crew.asked.length} tries`);
  crew.gaps.forEach((gap, i) => assert(gap >= FIRST_DELAY * 2 ** i - 5, `gaps of ${crew.gaps}`));
  assertEquals(await state(crew.supervisor.gone()), "resolved");
});

test("no worker is started once it has given up", async () => {
  const crew = new Crew({ spares: 3 });
  crew.startError = new SystemError("EMFILE", "no descriptors");
  await assertRejects(() => within("the start", crew.supervisor.start()), SystemError);
  const last = crew.gaps.at(-1)!;
  assert(last > FIRST_DELAY, `a start came ${last} ms after the last failure`);
});

test("start goes on when starting a worker throws at first only", async () => {
  const crew = new Crew({ spares: 2 });
  crew.startError = new Error("not yet");
  crew.onStart = (worker) => worker.ready();
  const started = crew.supervisor.start();
  await until("two tries", () => crew.asked.length === 2);
  crew.startError = null;
  await within("the start", started);
  await until("the spares", () => crew.supervisor.idle === 2);
  await end(crew);
});

test("while the system refuses another process it is asked each second, and not given up", async () => {
  const crew = new Crew({ spares: 1 });
  crew.onStart = (worker) => worker.ready();
  await within("the start", crew.supervisor.start());
  crew.onStart = (worker) => queueMicrotask(() => worker.refuse("EAGAIN"));
  crew.all[0].accept();
  crew.all[0].exit();
  await until("seven tries", () => crew.asked.length === 8);
  // 1600 and 3200 if it waited longer each time; one of them may be a pause of the machine.
  assert(Math.min(...crew.gaps.slice(-2)) < 1500, `gaps of ${crew.gaps}`);
  const reports = crew.told("worker_exited").filter(({ worker }) => worker.kind === "main");
  assert(reports.length >= 1 && reports.length <= 5, JSON.stringify(reports));
  crew.onStart = (worker) => worker.ready();
  await until("a worker", () => crew.supervisor.idle === 1);
  await end(crew);
});

test("a start that throws later harms no worker that there is", () =>
  withCrew({ spares: 2 }, async (crew) => {
    const before = crew.asked.length;
    crew.startError = new Error("no descriptors");
    const errors = await unhandled(async () => {
      crew.queue = 5;
      for (const worker of crew.all) worker.accept();
      await until("three tries", () => crew.asked.length === before + 3);
    });
    assertEquals(errors, []);
    assertEquals(crew.gaveUp, []);
    assertEquals(crew.in("busy").length, 2);
    crew.startError = null;
    crew.queue = 0;
    await until("the spares", () => crew.supervisor.idle === 2);
  }));

/** Workers that leave as soon as they are told to and hold no connection. */
function obedient(crew: Crew): void {
  crew.onStart = (worker) => {
    worker.ready();
    if (worker.orders.includes("leave")) worker.exit("exit");
    else {
      worker.order = (order) => {
        worker.orders.push(order);
        if (order === "leave" && worker.state === "idle") queueMicrotask(() => worker.exit("exit"));
      };
    }
  };
}

test("reload tries the handler, then replaces one idle worker after another", async () => {
  const crew = new Crew({ spares: 3, limit: 10 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const old = [...crew.alive];
  let fewest = 3;
  const { onStart } = crew;
  crew.onStart = (worker) => {
    fewest = Math.min(fewest, crew.in("idle").length);
    onStart(worker);
  };
  await within("the reload", crew.supervisor.reload());
  assertEquals(old.map(({ state }) => state), ["gone", "gone", "gone"]);
  assertEquals(crew.in("idle").length, 3);
  assertEquals(fewest, 3);
  assertEquals(crew.all.length, 3 + 1 + 3); // and the trial
  await end(crew);
});

test("reload resolves while an old worker still has its client, and tells it to leave", async () => {
  const crew = new Crew({ spares: 1, limit: 4 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const [busy] = crew.alive;
  busy.accept();
  await within("the reload", crew.supervisor.reload());
  assertEquals([busy.state, busy.orders], ["busy", ["leave"]]);
  assertEquals(crew.told("closed"), []);
  await end(crew);
});

test("reload rejects with what the trial said, and nobody has to leave", async () => {
  const crew = new Crew({ spares: 2 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const old = [...crew.alive];
  crew.onStart = (worker) => {
    worker.fail("no default export");
    worker.exit("exit");
  };
  await assertRejects(() => crew.supervisor.reload(), Error, "no default export");
  assertEquals(old.map(({ state, orders }) => [state, orders]), [["idle", []], ["idle", []]]);
  crew.onStart = (worker) => worker.exit("SIGKILL");
  await assertRejects(() => crew.supervisor.reload(), Error, "SIGKILL");
  assertEquals(crew.gaveUp, []);
  await end(crew);
});

test("reload rejects when a successor fails; what is not replaced yet stays", async () => {
  const crew = new Crew({ spares: 2 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const { onStart } = crew;
  let starts = 0;
  crew.onStart = (worker) => {
    if (++starts !== 3) return onStart(worker);
    worker.fail("gone bad");
    worker.exit("exit");
  };
  await assertRejects(() => crew.supervisor.reload(), Error, "gone bad");
  await settle();
  assertEquals(crew.in("idle").length, 2);
  await end(crew);
});

test("reload at the limit lets one leave before it starts the next, and a stop ends it", async () => {
  const crew = new Crew({ spares: 2, limit: 2 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  crew.most = 0;
  await within("the reload", crew.supervisor.reload());
  assertEquals(crew.most <= 3, true); // and the trial
  crew.onStart = () => {}; // never ready
  const reload = crew.supervisor.reload();
  await settle();
  await end(crew);
  await assertRejects(() => reload, Error);
});

test("reload rejects when there is no room for a successor, and what is not replaced yet stays", async () => {
  const crew = new Crew({ spares: 2, limit: 4 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const old = [...crew.alive];
  const { onStart } = crew;
  crew.onStart = (worker) => { // the trial
    onStart(worker);
    crew.startError = new SystemError("EMFILE", "no room");
  };
  await assertRejects(() => crew.supervisor.reload(), Error, "no room");
  assertEquals(old.map(({ state, orders }) => [state, orders]), [["idle", []], ["idle", []]]);
  crew.startError = null;
  crew.onStart = onStart;
  await within("the next reload", crew.supervisor.reload());
  assertEquals(old.map(({ state }) => state), ["gone", "gone"]);
  await end(crew);
});

test("a worker that a reload replaces gives its place back when its client has left", async () => {
  const crew = new Crew({ spares: 1, limit: 4 }, { perSource: 1 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const [old] = crew.alive;
  old.ask("192.0.2.1"); // and told to leave before it says that it has accepted
  old.state = "busy";
  const reload = crew.supervisor.reload();
  await settle();
  old.accept();
  await within("the reload", reload);
  const successor = crew.alive.find((worker) => worker !== old)!;
  successor.ask("192.0.2.1");
  old.close();
  successor.ask("192.0.2.1");
  assertEquals([old.answers, successor.answers], [[true], [false, true]]);
  await end(crew);
});

test("workers ask, and places are given back by an end, an exit, and by nobody twice", async () => {
  const crew = new Crew({ spares: 3 }, { perSource: 1 });
  crew.onStart = (worker) => worker.ready();
  await crew.supervisor.start();
  await settle();
  const [one, two, three] = crew.all;
  one.ask("192.0.2.1");
  two.ask("192.0.2.1");
  three.ask("192.0.2.2");
  assertEquals([one.answers, two.answers, three.answers], [[true], [false], [true]]);
  assertEquals(crew.refused, ["source"]);
  one.accept();
  one.close();
  two.ask("192.0.2.1");
  assertEquals(two.answers, [false, true]);
  two.exit("SIGKILL"); // before it said that it has accepted
  one.ask("192.0.2.1");
  assertEquals(one.answers, [true, true]);
  one.accept();
  one.exit("SIGKILL");
  three.accept();
  three.close();
  three.ask("192.0.2.1");
  assertEquals(three.answers, [true, true]);
  crew.supervisor.kill();
  for (const worker of crew.alive) worker.exit();
  await crew.supervisor.gone();
});

test("a worker's question is answered while the server stops", async () => {
  const crew = new Crew({}, { perSource: 1 });
  crew.onStart = (worker) => worker.ready();
  await crew.supervisor.start();
  crew.supervisor.shutdown();
  crew.all[0].ask("192.0.2.1");
  assertEquals(crew.all[0].answers, [true]);
  for (const worker of crew.alive) worker.exit("exit");
  await crew.supervisor.gone();
});

test("a worker on its last connection is replaced at once, and is idle no more", async () => {
  const crew = new Crew({ spares: 1, limit: 3 });
  crew.onStart = (worker) => worker.ready();
  await crew.supervisor.start();
  const [first] = crew.all;
  first.leaves();
  await settle();
  assertEquals(crew.all.length, 2);
  first.accept();
  first.close();
  const taken = crew.supervisor.take(remoteAddr);
  assertStrictEquals(taken, crew.all[1]);
  first.exit("exit");
  assertEquals(crew.supervisor.open, 0);
  crew.supervisor.kill();
  for (const worker of crew.alive) worker.exit();
  await crew.supervisor.gone();
});

test("a client that left while it was handed over frees its worker and its place", async () => {
  const crew = new Crew({ spares: 1, limit: 1 }, { perSource: 1 });
  crew.onStart = (worker) => worker.ready();
  await crew.supervisor.start();
  assert(crew.admission.enter(remoteAddr));
  crew.supervisor.take(remoteAddr);
  assertEquals(crew.supervisor.idle, 0);
  crew.all[0].vanished();
  assertEquals(crew.supervisor.idle, 1);
  assert(crew.admission.enter(remoteAddr));
  crew.supervisor.kill();
  for (const worker of crew.alive) worker.exit();
  await crew.supervisor.gone();
});
