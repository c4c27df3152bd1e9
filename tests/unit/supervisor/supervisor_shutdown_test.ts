/** How workers are told to leave, and when all of them have. */
import { assert, assertEquals } from "@std/assert";
import { until, within } from "../../tools/client.ts";
import { delay, state, test } from "../../tools/unit.ts";
import { Crew, FIRST_DELAY, withCrew } from "./crew.ts";

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

test("gone() resolves for all who wait, and at once when no worker is left", () =>
  withCrew({ spares: 1 }, async (crew) => {
    crew.supervisor.kill();
    const waiting = [crew.supervisor.gone(), crew.supervisor.gone()];
    assertEquals(await Promise.all(waiting.map(state)), ["pending", "pending"]);
    crew.all[0].exit("killed");
    assertEquals(await state(crew.supervisor.gone()), "resolved");
    assertEquals(await Promise.all(waiting.map(state)), ["resolved", "resolved"]);
  }));

test("where the end is spread, who has a client is told, and ended, in its turn; others at once", async () => {
  const spreading = { over: 60, grace: 60, phase: 0 };
  await withCrew({ spares: 3, spreading }, async (crew) => {
    const [first, second, idle] = crew.all;
    first.accept();
    second.accept();
    const told: unknown[] = [];
    for (const worker of [first, second]) {
      worker.order = (order) => {
        worker.orders.push(order);
        if (order !== "shutdown") return;
        told.push(worker);
        if (worker === second) return;
        worker.close();
        worker.exit("exit");
      };
    }
    crew.supervisor.shutdown();
    const orders = () => [idle, first, second].map(({ orders }) => orders);
    assertEquals(orders(), [["shutdown"], ["leave"], ["leave"]]);
    await until("the second is told", () => told.length === 2);
    assertEquals(orders(), [["shutdown"], ["leave", "shutdown"], ["leave", "shutdown"]]);
    assertEquals(told[0] === first, true, "they were told in another order");
    await until("the second is ended", () => second.kills === 1);
    assertEquals([first.kills, idle.kills], [0, 0]);
  });
});

test("where the end is spread, a worker whose client has left in time may stop its module", async () => {
  const spreading = { over: 40, grace: 20, phase: 0 };
  await withCrew({ spares: 3, spreading }, async (crew) => {
    const [stops, stays] = crew.all;
    stops.accept();
    stays.accept();
    crew.supervisor.shutdown();
    stops.close();
    await until("the other one is ended", () => stays.kills === 1);
    assertEquals(stops.kills, 0);
  });
});
