/** Workers that show whether they are busy, and do not say it. */
import { assert, assertEquals } from "@std/assert";
import { readBusy, scoreboardSize, ScoreRow } from "../../../src/status/scoreboard.ts";
import { threadScores } from "../../../src/status/scores.ts";
import { CrewWatch } from "../../../src/supervisor/crew_watch.ts";
import { until, within } from "../../tools/client.ts";
import { settle, test } from "../../tools/unit.ts";
import { withCrew } from "./crew.ts";

test("a row shows who is busy, and how many connections it has had", () => {
  const memory = new SharedArrayBuffer(scoreboardSize(1));
  const row = ScoreRow.claim(memory, 5)!;
  const sees = () => readBusy(memory).get(5);
  assertEquals(sees(), { isBusy: false, count: 0 });
  row.begin();
  assertEquals(sees(), { isBusy: true, count: 1 });
  row.end();
  assertEquals(sees(), { isBusy: false, count: 1 });
});

test("who looks often needs no word; who does not wants to be told", async () => {
  const scores = threadScores(1);
  const row = ScoreRow.claim(scores.shared!, 5)!;
  let count = 0;
  let news = 0;
  const watch = new CrewWatch(scores, (shown) => {
    if (shown.get(5)!.count === count) return false;
    count = shown.get(5)!.count;
    news++;
    return true;
  });
  assert(row.wantsTelling, "at rest");
  row.begin();
  watch.look(); // it was told
  assertEquals(news, 1);
  assert(!row.wantsTelling, "something happens");
  row.begin();
  await until("it is seen without a word", () => news === 2);
  await until("it rests again", () => row.wantsTelling);
  watch.stop();
});

test("a worker that shows that it is busy gets a successor, and one that is idle again leaves", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, shrinkInterval: 10, scores }, async (crew) => {
    const row = ScoreRow.claim(scores.shared!, 1)!;
    crew.queue = 1;
    row.begin();
    crew.all[0].say({ type: "look" });
    assertEquals(crew.supervisor.open, 1);
    await until("another", () => crew.supervisor.idle === 1);
    crew.queue = 0;
    row.end();
    await until("one is asked to leave", () => crew.all.some(({ orders }) => orders.length > 0));
    assertEquals(crew.supervisor.open, 0);
  });
});

test("a worker may be seen busy before it has said that it is ready", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, async (crew) => {
    crew.onStart = () => {};
    crew.queue = 1;
    const first = ScoreRow.claim(scores.shared!, 1)!;
    first.begin();
    crew.all[0].say({ type: "look" });
    await until("another begins", () => crew.all.length > 1);
    const before = crew.all.length;
    for (let number = 2; number <= before; number++) {
      ScoreRow.claim(scores.shared!, number)!.begin();
    }
    crew.all[0].say({ type: "look" });
    for (const worker of crew.all.slice(1)) worker.ready();
    assertEquals(crew.supervisor.idle, 0);
    await until("more begin", () => crew.all.length > before);
  });
});

test("a worker that shows what it does may still say what went wrong", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, (crew) => {
    const row = ScoreRow.claim(scores.shared!, 1)!;
    row.begin();
    crew.all[0].say({ type: "look" });
    const event = { type: "closed", id: "1.1", reason: "error", worker: crew.all[0].name };
    crew.all[0].say({ type: "event", event });
    assertEquals([crew.supervisor.idle, crew.supervisor.open], [0, 1]); // its next one
    return Promise.resolve();
  });
});

test("a reload waits for a worker that was seen busy, and is idle again unseen", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, limit: 1, scores }, async (crew) => {
    const [old] = crew.all;
    const row = ScoreRow.claim(scores.shared!, 1)!;
    row.begin();
    old.say({ type: "look" });
    row.end(); // it would take a newcomer
    let isOver = false;
    const reload = crew.supervisor.reload().then(() => isOver = true);
    await until("it is asked to leave", () => old.orders.length > 0);
    await settle();
    assert(!isOver, "a newcomer would have the old handler");
    old.exit("exit");
    await within("the reload", reload);
  });
});

test("a worker that died with a client that nobody had seen was no failure", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, async (crew) => {
    for (let i = 0; i < 3; i++) {
      const { length } = crew.all;
      ScoreRow.claim(scores.shared!, length)!.begin();
      crew.all.at(-1)!.exit("SIGKILL");
      assertEquals(crew.all.length, length + 1, "it waits as after a failure");
      await until("another", () => crew.supervisor.idle === 1);
    }
  });
});

test("when a handler turns out not to be forkable, who has a client unseen keeps it", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, async (crew) => {
    crew.onStart = (worker) => worker.ready(true);
    crew.queue = 2;
    crew.all[0].exit("exit");
    await until("others", () => crew.supervisor.idle >= 2);
    const [, gaveUp, busy] = crew.all;
    ScoreRow.claim(scores.shared!, 3)!.begin();
    gaveUp.givesUp();
    assertEquals([busy.orders, busy.kills], [["leave"], 0]);
  });
});
