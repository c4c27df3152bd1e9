/** How many workers there are: more when all are busy, fewer when too many are idle. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../../tools/client.ts";
import { delay, test } from "../../tools/unit.ts";
import { TOP_UP_DELAY, withCrew } from "./crew.ts";

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

test("a worker that was told to leave may serve a client first", () =>
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
