/** What workers that block tell without a message. */
import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import type { UntimedEvent } from "../../../src/events.ts";
import { placesOf, type Told } from "../../../src/status/event_ring.ts";
import { processScores, type Scores, threadScores } from "../../../src/status/scores.ts";
import { mapMemory } from "../../../src/posix/mapped_memory.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { claimed } from "../../tools/score_row.ts";
import { test } from "../../tools/unit.ts";

const worker = { kind: "thread", id: 7 } as const;
const V4: Address = { transport: "tcp", hostname: "127.0.0.1", port: 65535 };

const accepted = (id: string, remoteAddr: Address = V4) =>
  ({ type: "accepted", id, remoteAddr, worker }) as const;
const closed = (id: string, more: Partial<Extract<UntimedEvent, { type: "closed" }>> = {}) => ({
  ...{ type: "closed", id, remoteAddr: V4, worker, bytesRead: 1, bytesWritten: 2 } as const,
  ...{ milliseconds: 3, reason: "handler" } as const,
  ...more,
});

/** What there is to read, of a worker. */
function drain(scores: Scores): [number, number, Told][] {
  const all: [number, number, Told][] = [];
  scores.drain((number, nth, told) => all.push([number, nth, told]) > 0);
  return all;
}

test("what a thread has told is read once, whole and in order", () => {
  const scores = threadScores(1);
  const row = claimed(scores.shared!, 7);
  const long = { transport: "tcp", hostname: "fe80:1111:2222:3333:4444:5555:6666:7777", port: 1 };
  const unix = { transport: "unix", path: "" } as const;
  const all: Told[] = [
    { type: "taken" },
    { type: "vanished" },
    { type: "accepted", id: "7.1", remoteAddr: V4 },
    {
      type: "closed",
      id: "7.1",
      bytesRead: 2 ** 52 + 1,
      bytesWritten: 2,
      milliseconds: 86_400_000,
    },
    { type: "accepted", id: "123.4567890", remoteAddr: long as Address },
    {
      ...{ type: "closed", id: "123.4567890", bytesRead: 1, bytesWritten: 2, milliseconds: 3 },
      local: true,
    },
    { type: "accepted", id: "7.3", remoteAddr: unix },
  ];
  for (let round = 0, nth = 0; round < 20; round++) { // more than it holds at once
    for (const told of all) {
      const event = told.type === "accepted"
        ? accepted(told.id, told.remoteAddr)
        : told.type === "closed"
        ? closed(told.id, told)
        : told;
      assert(row.tell(++nth, event));
    }
    assertEquals(drain(scores), all.map((told, i) => [7, nth - all.length + 1 + i, told]));
    assertEquals(drain(scores), []);
  }
});

test("what does not fit is not told there", () => {
  const row = claimed(threadScores(1).shared!, 7);
  const path = "x".repeat(60);
  assert(!row.tell(1, accepted("7.1", { transport: "unix", path })));
  assert(!row.tell(3, accepted("7.2", { transport: "unix", path: "/é" })));
  assert(row.tell(4, accepted("7.3")));
  assert(!row.tell(5, closed("7.3", { reason: "error", error: "oh" })));
  assert(!row.tell(6, { type: "warning", message: "oh" }));
  assert(!row.tell(7, closed("7.3", { milliseconds: 2 ** 31 })), "a month");
  assert(!row.tell(8, closed("7.".padEnd(33, "3"))));
  let told = 1;
  while (row.tell(6 + told, accepted(`7.${told}`))) told++;
  assertEquals(told, 64, "it is full");
});

// What is mapped stays open, see mapMemory.
const mapping = { sanitizeOps: true, sanitizeResources: false };

/** A scoreboard of processes, and its memory as they map it; null where there is none. */
async function processBoard(each: "one" | "many") {
  const runtime = await detect();
  if (runtime.os !== "linux") return null;
  const scores = processScores(runtime, 1, each)!;
  return { scores, memory: mapMemory(runtime, scores.file!.descriptor, scores.file!.size) };
}

Deno.test(
  "a process' ring is read from its file, and the row's next worker begins anew",
  mapping,
  async () => {
    const board = await processBoard("one");
    if (board === null) return;
    const { scores, memory } = board;
    for (const number of [5, 6]) {
      const row = claimed(memory, number);
      assert(row.tell(1, accepted("a")));
      assert(row.tell(2, closed("a")));
      assertEquals(drain(scores).map(([who, nth, { type }]) => [who, nth, type]), [
        [number, 1, "accepted"],
        [number, 2, "closed"],
      ]);
      assert(row.tell(3, accepted("b"))); // nobody reads it any more
      scores.free(number);
    }
    scores.close();
  },
);

Deno.test(
  "a process with an event loop has a larger ring, and shows nothing",
  mapping,
  async () => {
    const board = await processBoard("many");
    if (board === null) return;
    const { scores, memory } = board;
    const rows = [5, 6].map((number) => claimed(memory, number, "many", false));
    const told = [accepted("a.1"), accepted("a.2"), closed("a.1"), closed("a.2")];
    for (let round = 0; round < 2; round++) {
      let nth = 0;
      while (rows[1].tell(nth + 1, told[nth % 4])) nth++;
      assertEquals(nth, 1024, "it is full");
      assert(rows[0].tell(1, accepted("b.1")));
      const all = drain(scores);
      assertEquals(all.map(([number]) => number), [5, ...Array(1024).fill(6)]);
      assertEquals(all.slice(-2).map(([, at, it]) => [at, it.type === "closed" && it.id]), [
        [1023, "a.1"],
        [1024, "a.2"],
      ]);
    }
    assertEquals(scores.read().size, 0);
    scores.close();
  },
);

test("processes have no rings where no file may be as large as those (setrlimit)", () => {
  const functions = {
    getrlimit: (_: number, limits: Uint8Array) => void (limits[2] = 1), // 64 KiB
    memfd_create: () => assert(false, "it must not be written"),
  };
  const library = { functions, close: () => {} };
  assertEquals(processScores({ openLibrary: () => library } as unknown as Runtime, 1), null);
});

test("of a ring those records are looked at that were not read", () => {
  assertEquals(placesOf(0, 0, 4096), [[0, 0]]);
  assertEquals(placesOf(3, 5, 4096), [[192, 320]]);
  assertEquals(placesOf(62, 66, 4096), [[3968, 4096], [0, 128]]);
  assertEquals(placesOf(64, 128, 4096), [[0, 4096]]);
  assertEquals(placesOf(-1, 1, 4096), [[4032, 4096], [0, 64]]);
  assertEquals(placesOf(1, 900, 4096), [[64, 4096], [0, 64]], "a handler may write there");
});

test("whatever a handler writes there, reading it ends", () => {
  const scores = threadScores(1);
  claimed(scores.shared!, 7);
  const bytes = new Uint8Array(scores.shared!);
  for (let round = 0; round < 2000; round++) {
    for (let i = 64; i < 128; i++) if (i >= 68) bytes[i] = Math.random() * 256;
    for (let i = 0; i < 400; i++) bytes[bytes.length * Math.random() | 0] = Math.random() * 256;
    if (round % 2 === 0) new Int32Array(scores.shared!).fill(9, 16 + 9, 16 + 10);
    for (const [, , told] of drain(scores)) assert(typeof told.type === "string");
  }
});
