/** What a supervisor does with forks whose handler must not be forked. */
import { assertEquals } from "@std/assert";
import { settle, test } from "../../tools/unit.ts";
import { Crew, end } from "./crew.ts";

async function forks(spares: number): Promise<Crew> {
  const crew = new Crew({ spares });
  crew.onStart = (worker) => worker.ready(true);
  await crew.supervisor.start();
  await settle();
  return crew;
}

test("when a fork gives up, idle ones are ended, and busy ones leave after their client", async () => {
  const crew = await forks(3);
  const [one, busy, idle] = crew.all;
  busy.accept();
  one.accept();
  crew.onStart = () => {};
  one.givesUp();
  assertEquals(crew.told("warning").length, 1);
  assertEquals([busy.orders, busy.kills], [["leave"], 0]);
  assertEquals([idle.orders, idle.kills], [["leave"], 1]);
  await settle();
  // A fork that was ordered before does not take a client.
  const late = crew.in("starting")[0];
  late.ready();
  busy.givesUp();
  assertEquals(late.orders, [], "it is no fork");
  await end(crew);
});

test("a fork that starts while another gives up leaves at once", async () => {
  const crew = await forks(1);
  crew.onStart = () => {};
  crew.all[0].accept();
  crew.supervisor.look();
  crew.queue = 1;
  crew.supervisor.look();
  const [late] = crew.in("starting");
  crew.all[0].givesUp();
  late.ready(true);
  assertEquals(late.orders, ["leave"]);
  await end(crew);
});

test("a fork of before a reload that gives up changes nothing for those of after it", async () => {
  const crew = await forks(1);
  const [old] = crew.all;
  old.accept();
  const reload = crew.supervisor.reload();
  await settle();
  for (const worker of crew.all) {
    if (worker.orders.includes("leave") && worker !== old) worker.exit("exit");
  }
  await settle();
  await reload;
  const fresh = crew.in("idle");
  assertEquals(fresh.length, 1);
  old.givesUp();
  assertEquals([fresh[0].orders, fresh[0].kills], [[], 0]);
  assertEquals(crew.told("warning"), []);
  await end(crew);
});
