/** What a worker with an event loop says of itself. */
import { assertEquals } from "@std/assert";
import type { Connections } from "../../../src/serving/connections.ts";
import type { Look } from "../../../src/status/book.ts";
import { Reporter } from "../../../src/workers/reports.ts";
import { test } from "../../tools/unit.ts";

/** So many connections, on each of which so many bytes have come. */
const having = (open: number, bytes: number): Connections => ({
  open,
  look(look: Look) {
    for (let n = 1; n <= open; n++) look(`1.${n}`, "reads", bytes, 0);
  },
} as Connections);

const LOOP = { busy: 0.5, delay: 3 };

test("only what has changed is said", () => {
  const reporter = new Reporter("many");
  assertEquals(reporter.next(LOOP, having(1, 5)), {
    ...LOOP,
    connections: [["1.1", "reads", 5, 0]],
  });
  assertEquals(reporter.next(LOOP, having(1, 5)), { ...LOOP, connections: [] });
});

test("of more than a report has room for each has its turn, also if all of them always change", () => {
  const reporter = new Reporter("many");
  const told = new Set<string>();
  for (let bytes = 1; bytes <= 3; bytes++) {
    const { connections } = reporter.next(LOOP, having(2500, bytes))!;
    assertEquals(connections.length <= 1000, true);
    for (const [id] of connections) told.add(id);
  }
  assertEquals(told.size, 2500);
  assertEquals(reporter.next(LOOP, having(2500, 4))!.connections[0][0], "1.1");
});

test("a loop that blocks in accept says nothing, and then not that it was late by that", () => {
  const reporter = new Reporter("one");
  const loops = [[0, 900], [1, 900], [1, 3], [0, 900], [1, 900]].map(([open, delay]) =>
    reporter.next({ busy: 0.5, delay }, having(open, 1))
  );
  assertEquals(loops.map((report) => report && [report.busy, report.delay]), [
    null,
    [null, 0],
    [0.5, 3],
    null,
    [null, 0],
  ]);
});
