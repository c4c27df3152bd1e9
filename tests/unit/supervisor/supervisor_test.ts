/** What a supervisor knows of its workers, and what it lets them do. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { settle, test } from "../../tools/unit.ts";
import { Crew, remoteAddr, withCrew } from "./crew.ts";

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

test("what a worker reports of its loop is kept, and what is no report is ignored", () =>
  withCrew({ spares: 1 }, (crew) => {
    const [one] = crew.all;
    one.accept();
    const id = one.connection;
    const [worker] = crew.supervisor.workers.values();
    for (const wrong of [{}, { delay: 1 }, { delay: "x", connections: [] }]) {
      one.say({ type: "report", ...wrong });
    }
    assertEquals(worker.reported, null);
    const connections = [null, 7, [id, "dances", 1, 2], ["9.9", "reads", 1, 2]];
    one.say({ type: "report", busy: "much", delay: 3, connections });
    assertEquals([worker.reported?.delay, worker.reported?.busy], [3, null]);
    const seen: unknown[] = [];
    worker.look((...told) => seen.push(told));
    assertEquals(seen, []);
    one.say({ type: "report", busy: 0.5, delay: 3, connections: [[id, "reads", 1, 2]] });
    worker.look((...told) => seen.push(told));
    assertEquals(seen, [[id, "reads", 1, 2]]);
    return Promise.resolve();
  }));

test("a thread that is stuck is reported", () =>
  withCrew({ spares: 1 }, (crew) => {
    crew.all[0].stuck();
    assertEquals(crew.told("worker_stuck").map(({ worker }) => worker), [crew.all[0].name]);
    return Promise.resolve();
  }));

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
  assert(crew.refusals.admit(remoteAddr));
  crew.supervisor.take(remoteAddr);
  assertEquals(crew.supervisor.idle, 0);
  crew.all[0].vanished();
  assertEquals(crew.supervisor.idle, 1);
  assert(crew.refusals.admit(remoteAddr));
  crew.supervisor.kill();
  for (const worker of crew.alive) worker.exit();
  await crew.supervisor.gone();
});
