/** Workers that tell in their rings, and not by messages. */
import { assert, assertEquals } from "@std/assert";
import type { ScoreRow } from "../../../src/status/scoreboard.ts";
import { type Scores, threadScores } from "../../../src/status/scores.ts";
import { CrewWatch } from "../../../src/supervisor/crew_watch.ts";
import { until, within } from "../../tools/client.ts";
import { claimed } from "../../tools/score_row.ts";
import { settle, test } from "../../tools/unit.ts";
import { remoteAddr, withCrew } from "./crew.ts";

const worker = { kind: "process", id: 1 } as const;

/** A worker, from inside. */
class Ring {
  readonly row: ScoreRow;
  readonly #number: number;
  #nth: number;
  #count = 0;

  /** @param nth what it has told before */
  constructor(scores: Scores, number: number, nth = 0) {
    this.row = claimed(scores.shared!, number);
    this.#number = number;
    this.#nth = nth;
  }

  #event(type: "accepted" | "closed") {
    if (type === "accepted") this.#count++;
    const id = `${this.#number}.${this.#count}`;
    const told = { id, remoteAddr, worker };
    return type === "accepted" ? { type, ...told } : {
      ...{ type, ...told, bytesRead: 1, bytesWritten: 2 },
      ...{ milliseconds: 3, reason: "handler" } as const,
    };
  }

  accept(): void {
    assert(this.row.tell(++this.#nth, this.#event("accepted")));
  }

  close(): void {
    assert(this.row.tell(++this.#nth, this.#event("closed")));
  }

  /** The next thing as a message, which the test passes on when it likes. */
  message(type: "accepted" | "closed") {
    return { type: "event", event: this.#event(type), nth: ++this.#nth };
  }
}

test("who looks often needs no word; who does not wants to be told", async () => {
  const scores = threadScores(1);
  const ring = new Ring(scores, 5);
  let told = 0;
  const watch = new CrewWatch(scores, (tellings) => told += tellings.length);
  assert(ring.row.wantsTelling, "at rest");
  ring.accept();
  watch.look(); // it was told
  assertEquals(told, 1);
  assert(!ring.row.wantsTelling, "something happens");
  ring.close();
  await until("it is read without a word", () => told === 2);
  await until("it rests again", () => ring.row.wantsTelling);
  watch.stop();
});

test("words that bring nothing new send nobody to sleep", () => {
  const scores = threadScores(1);
  const ring = new Ring(scores, 5);
  const watch = new CrewWatch(scores, () => {});
  ring.accept();
  for (let i = 0; i < 100; i++) watch.look();
  assert(!ring.row.wantsTelling);
  watch.stop();
});

test("what is told while whoever is told looks again comes after the rest", () => {
  const scores = threadScores(1);
  const ring = new Ring(scores, 5);
  const seen: string[] = [];
  const watch = new CrewWatch(scores, (tellings) => {
    for (const [, { type }] of tellings) {
      if (seen.length === 0) {
        ring.accept();
        watch.look();
      }
      seen.push(type);
    }
  });
  ring.accept();
  ring.close();
  watch.look();
  assertEquals(seen, ["accepted", "closed", "accepted"]);
  watch.stop();
});

test("of a worker that has told two thousand million things the next ones are told too", () => {
  const scores = threadScores(1);
  const last = 2 ** 31 - 1; // of its row's 32 bits
  const ring = new Ring(scores, 5, last - 1);
  const seen: string[] = [];
  const watch = new CrewWatch(scores, (tellings) => seen.push(...tellings.map(([, t]) => t.type)));
  watch.heard(5, last - 1);
  ring.accept();
  ring.close();
  ring.accept();
  watch.look();
  assertEquals(seen, ["accepted", "closed", "accepted"]);
  const { nth } = ring.message("closed");
  ring.accept();
  watch.look();
  assertEquals(seen.length, 3, "a message is on its way");
  watch.heard(5, nth);
  watch.look();
  assertEquals(seen.length, 4);
  watch.stop();
});

test("a worker that has a client gets a successor, and one that has none again leaves", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, shrinkInterval: 10, scores }, async (crew) => {
    const ring = new Ring(scores, 1);
    crew.queue = 1;
    ring.accept();
    crew.all[0].say({ type: "look" });
    assertEquals(crew.supervisor.open, 1);
    await until("another", () => crew.supervisor.idle === 1);
    crew.queue = 0;
    ring.close();
    await until("one is asked to leave", () => crew.all.some(({ orders }) => orders.length > 0));
    assertEquals(crew.supervisor.open, 0);
    assertEquals(crew.told("closed"), [{
      ...{ type: "closed", id: "1.1", remoteAddr, worker: crew.all[0].name, reason: "handler" },
      ...{ bytesRead: 1, bytesWritten: 2, milliseconds: 3 },
    }]);
  });
});

test("a worker may have a client before it was heard that it is ready", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, async (crew) => {
    crew.onStart = () => {};
    crew.queue = 1;
    const first = new Ring(scores, 1);
    first.accept();
    crew.all[0].say({ type: "look" });
    await until("another begins", () => crew.all.length > 1);
    const [, second] = crew.all;
    new Ring(scores, 2, 1).accept();
    crew.all[0].say({ type: "look" });
    assertEquals(crew.told("accepted").length, 1);
    const before = crew.all.length;
    second.say({ type: "ready", nth: 1 });
    assertEquals([crew.told("accepted").length, crew.supervisor.open], [2, 2]);
    for (const other of crew.all.slice(2)) other.ready();
    await until("more begin", () => crew.all.length > before);
  });
});

test("what a worker tells one way and the other keeps its order", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, (crew) => {
    const [{ say }] = crew.all;
    const ring = new Ring(scores, 1);
    ring.accept();
    const failed = ring.message("closed");
    ring.accept();
    crew.all[0].say({ type: "look" });
    assertEquals([crew.supervisor.open, crew.told("accepted").length], [1, 1]);
    say.call(crew.all[0], failed);
    assertEquals([crew.supervisor.open, crew.supervisor.idle], [1, 0]); // its next one
    assertEquals(crew.events.slice(-3).map(({ type }) => type), ["accepted", "closed", "accepted"]);
    return Promise.resolve();
  });
});

test("of a worker that has died all is told that it could tell", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, async (crew) => {
    const [first] = crew.all;
    const ring = new Ring(scores, 1);
    ring.accept();
    ring.message("closed"); // which nobody gets
    ring.accept();
    first.exit("SIGKILL");
    assertEquals(crew.told("accepted").map(({ id }) => id), ["1.1", "1.2"]);
    assertEquals(crew.told("closed").map(({ id, reason }) => [id, reason]), [
      ["1.1", "worker"],
      ["1.2", "worker"],
    ]);
    await until("another", () => crew.supervisor.idle === 1);
  });
});

test("an end is of the connection that was told of last", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, (crew) => {
    const [first] = crew.all;
    const ring = new Ring(scores, 1);
    ring.accept();
    ring.message("closed"); // which nobody gets
    ring.accept();
    ring.close();
    first.exit("SIGKILL");
    assertEquals(crew.told("closed").map(({ id, reason }) => [id, reason]), [
      ["1.2", "handler"],
      ["1.1", "worker"],
    ]);
    return Promise.resolve();
  });
});

test("a shutdown that is spread knows whoever has a client, and whoever has none, unread", async () => {
  const scores = threadScores(8);
  const spreading = { over: 0, grace: 5, phase: 0 }; // it looks seldom by then, or in 10 ms
  await withCrew({ spares: 2, scores, spreading }, async (crew) => {
    const [one, two] = crew.all;
    const [first, second] = [new Ring(scores, 1), new Ring(scores, 2)];
    first.accept();
    second.accept();
    crew.supervisor.shutdown();
    assertEquals([one.orders, two.orders], [["leave"], ["leave"]]);
    second.close();
    await until("whoever has a client is ended", () => one.kills > 0);
    assertEquals(two.kills, 0);
  });
});

test("a reload waits for a worker that had a client, and is idle again unread", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, limit: 1, scores }, async (crew) => {
    const [old] = crew.all;
    const ring = new Ring(scores, 1);
    ring.accept();
    old.say({ type: "look" });
    ring.close(); // it would take a newcomer
    let isOver = false;
    const reload = crew.supervisor.reload().then(() => isOver = true);
    await until("it is asked to leave", () => old.orders.length > 0);
    await settle();
    assert(!isOver, "a newcomer would have the old handler");
    old.exit("exit");
    await within("the reload", reload);
  });
});

test("when a handler turns out not to be forkable, who has a client unread keeps it", async () => {
  const scores = threadScores(8);
  await withCrew({ spares: 1, scores }, async (crew) => {
    crew.onStart = (worker) => worker.ready(true);
    crew.queue = 2;
    crew.all[0].exit("exit");
    await until("others", () => crew.supervisor.idle >= 2);
    const [, gaveUp, busy] = crew.all;
    new Ring(scores, 3).accept();
    gaveUp.givesUp();
    assertEquals([busy.orders, busy.kills], [["leave"], 0]);
  });
});
