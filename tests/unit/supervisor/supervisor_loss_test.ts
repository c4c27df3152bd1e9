/** Workers that end without being told to. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../../tools/client.ts";
import { delay, test } from "../../tools/unit.ts";
import { Crew, end, FIRST_DELAY, remoteAddr, withCrew } from "./crew.ts";

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

test("a worker that cannot load its handler is reported, and replaced later", () =>
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
