/** Workers that cannot be started: how long the supervisor waits, and when it gives up. */
import { assert, assertEquals } from "@std/assert";
import { until, within } from "../../tools/client.ts";
import { delay, test, unhandled } from "../../tools/unit.ts";
import { Crew, end, FIRST_DELAY, withCrew } from "./crew.ts";

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
    await until("six failures", () => crew.in("gone").length >= 6);
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

test("while the system refuses another process it is asked each second, and not given up", async () => {
  const crew = new Crew({ spares: 1 });
  crew.onStart = (worker) => worker.ready();
  await within("the start", crew.supervisor.start());
  // Timers end in their order, however long the machine pauses.
  let late = 0;
  let timer: ReturnType<typeof setTimeout>;
  crew.onStart = (worker) =>
    queueMicrotask(() => {
      clearTimeout(timer);
      timer = setTimeout(() => late++, 1500);
      worker.refuse("EAGAIN");
    });
  crew.all[0].accept();
  crew.all[0].exit();
  await until("seven tries", () => crew.asked.length === 8);
  assertEquals(late, 0, `it waited longer each time: gaps of ${crew.gaps}`);
  const reports = crew.told("worker_exited").filter(({ worker }) => worker.kind === "main");
  const seconds = (performance.now() - crew.asked[1]) / 1000;
  assert(reports.length >= 1 && reports.length <= 1 + seconds, JSON.stringify(reports));
  crew.onStart = (worker) => {
    clearTimeout(timer);
    worker.ready();
  };
  await until("a worker", () => crew.supervisor.idle === 1);
  await end(crew);
});

test("a start that throws later harms none of the workers", () =>
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
