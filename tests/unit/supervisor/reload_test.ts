/** New workers in the place of the old ones. */
import { assertEquals, assertRejects } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { within } from "../../tools/client.ts";
import { settle, test } from "../../tools/unit.ts";
import { Crew, end } from "./crew.ts";

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

test("reload resolves also when the last old worker, of many clients, has one that stays", async () => {
  const crew = new Crew({ each: "many", spares: 2, limit: Infinity });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const last = crew.alive[1];
  last.accept();
  await within("the reload", crew.supervisor.reload());
  assertEquals([last.state, last.orders], ["busy", ["leave"]]);
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

test("reloads that are asked for while another one runs are one", async () => {
  const crew = new Crew({ spares: 1, limit: 4 });
  obedient(crew);
  await crew.supervisor.start();
  await settle();
  const first = crew.supervisor.reload();
  await Promise.resolve();
  await Promise.resolve(); // it has begun: what changes from here on it may not see
  const others = Array.from({ length: 20 }, () => crew.supervisor.reload());
  await within("the reloads", Promise.all([first, ...others]));
  assertEquals(crew.all.length, 1 + 2 * 2); // a trial and a successor for each of two
  await end(crew);
});
