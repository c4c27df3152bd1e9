import { assertEquals } from "@std/assert";
import type { UntimedEvent } from "../../../src/events.ts";
import { Book } from "../../../src/status/book.ts";
import { test } from "../../tools/unit.ts";

const remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 50_000 } as const;
const worker = { kind: "process", id: 4711 } as const;
const accepted = (id: string): UntimedEvent => ({ type: "accepted", id, remoteAddr, worker });
const closed = (id: string, more = {}): UntimedEvent => ({
  ...{ type: "closed", id, remoteAddr, worker, milliseconds: 30, reason: "handler" },
  ...{ bytesRead: 5, bytesWritten: 7, ...more },
});

/** As many as have come and not gone. */
function balance({ totals, open }: Book): number {
  return totals.accepted - totals.closed - open.size;
}

test("each connection is accepted once and closed once, whatever comes twice or out of nothing", () => {
  const book = new Book();
  for (const event of [closed("1.1"), accepted("1.1"), accepted("1.1"), accepted("1.2")]) {
    book.event(event);
    assertEquals(balance(book), 0);
  }
  book.event(closed("1.1"));
  book.event(closed("1.1"));
  assertEquals([book.totals.accepted, book.totals.closed, book.open.size], [2, 1, 1]);
  assertEquals(book.bytes(), { read: 5, written: 7 });
});

test("bytes never fall, also where a worker has died or says less than before", () => {
  const book = new Book();
  book.event(accepted("1.1"));
  const look = (bytesRead: number, bytesWritten: number) =>
    book.look("1.1", "reads", bytesRead, bytesWritten, 0);
  look(100, 50);
  look(60, 80);
  assertEquals(book.bytes(), { read: 100, written: 80 });
  book.event(
    closed("1.1", { bytesRead: undefined, bytesWritten: undefined, reason: "worker" }),
  );
  assertEquals(book.bytes(), { read: 100, written: 80 });
  look(1000, 1000); // of one that is gone
  assertEquals(book.bytes(), { read: 100, written: 80 });
});

test("what is no count is none", () => {
  const book = new Book();
  book.event(accepted("1.1"));
  for (const wrong of [NaN, -1, Infinity, 0.5, "9", null] as number[]) {
    book.look("1.1", "reads", wrong, wrong, 0);
  }
  book.event(closed("1.1", { bytesRead: NaN, bytesWritten: "9", milliseconds: -5 }));
  assertEquals(book.bytes(), { read: 0, written: 0 });
  assertEquals(book.totals.durations.sum, 0);
});

test("a connection without a byte is a probe, one whose worker could not tell is none", () => {
  const book = new Book();
  book.event(accepted("1.1"));
  book.event(accepted("1.2"));
  book.event(closed("1.1", { bytesRead: 0, bytesWritten: 0 }));
  book.event(closed("1.2", { bytesRead: undefined, bytesWritten: undefined }));
  assertEquals(book.totals.probes, 1);
});

test("what can be made up at will has an end: error codes, reasons of exits, troubles", () => {
  const book = new Book();
  for (let n = 0; n < 1000; n++) {
    const id = `1.${n}`;
    book.event(accepted(id));
    book.event(closed(id, { reason: "error", code: `E${n}`, error: `it is ${n}` }));
    book.event({ type: "worker_exited", worker, reason: `it is ${n}` });
  }
  assertEquals(Object.keys(book.totals.errors.all).length <= 33, true);
  assertEquals(book.totals.errors.sum, 1000);
  assertEquals(book.totals.workersExited.all, { other: 1000 });
  assertEquals(book.troubles.length, 20);
  assertEquals(book.troubles[0].text, "process 4711 ended: it is 999");
});

test("a flood of refusals leaves the other troubles where they are", () => {
  const book = new Book();
  book.event({ type: "warning", message: "read this" });
  for (let n = 0; n < 100; n++) {
    const from = { ...remoteAddr, port: 50_000 + n };
    book.event({ type: "refused", remoteAddr: from, reason: "connections", count: 1 });
    book.event({ type: "refused", remoteAddr: from, reason: "source", count: 1 });
    book.event({ type: "accept_failed", code: "EMFILE", count: 1, worker });
  }
  assertEquals(book.troubles.map(({ text }) => text), [
    "cannot accept: EMFILE; waiting for room",
    "refused 192.0.2.1:50099: too many connections from its address",
    "refused 192.0.2.1:50099: too many connections",
    "read this",
  ]);
});

test("what each worker repeats is one trouble, when it was last", () => {
  const book = new Book();
  for (let n = 0; n < 40; n++) book.event({ type: "warning", message: `one of ${n % 3}` });
  assertEquals(book.troubles.map(({ text }) => text), ["one of 0", "one of 2", "one of 1"]);
});

test("workers are those that were ready and have not ended", () => {
  const book = new Book();
  book.event({ type: "worker_started", worker, forked: true });
  book.event(accepted("1.1"));
  const known = book.workers.get("process 4711")!;
  assertEquals([known.forked, known.served, known.stuck], [true, 1, false]);
  book.event({ type: "worker_exited", worker, reason: "SIGKILL" });
  assertEquals(book.workers.size, 0);
  assertEquals(book.totals.workersExited.all, { SIGKILL: 1 });
});
