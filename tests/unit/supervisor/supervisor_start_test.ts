/** The first worker, and the spares. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { until, within } from "../../tools/client.ts";
import { delay, state, test } from "../../tools/unit.ts";
import { Crew, end, FIRST_DELAY } from "./crew.ts";

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

test("workers of many connections are started together: the first alone would take all who wait", async () => {
  const crew = new Crew({ spares: 3, each: "many" });
  const started = crew.supervisor.start();
  await until("all", () => crew.all.length === 3);
  assertEquals(await state(started), "pending");
  crew.all[1].ready();
  await started;
  await end(crew);
});

test("the limit holds where more spares are wanted", async () => {
  const crew = new Crew({ spares: 5, limit: 2 });
  crew.onStart = (worker) => worker.ready();
  await crew.supervisor.start();
  await until("both", () => crew.supervisor.idle === 2);
  await delay(20);
  assertEquals(crew.all.length, 2);
  await end(crew);
});

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
