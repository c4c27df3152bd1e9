import { assertEquals } from "@std/assert";
import { Probes, probesLine } from "../../../src/cli/probes.ts";
import type { ServerEvent } from "../../../src/events.ts";
import { delay, test } from "../../tools/unit.ts";

const worker = { kind: "main", id: 0 } as const;
const remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 50_000 } as const;
const accepted = (id: string): ServerEvent => ({
  ...{ type: "accepted", time: 0, id, remoteAddr, worker },
});
const closed = (id: string, bytes: number, more = {}): ServerEvent => ({
  ...{ type: "closed", time: 0, id, remoteAddr, worker, milliseconds: 1, reason: "handler" },
  ...{ bytesRead: bytes, bytesWritten: 0, ...more },
});

function probes() {
  const log: string[] = [];
  const all = new Probes(
    (event) => log.push(`${event.type} ${"id" in event ? event.id : ""}`),
    (count) => log.push(`${count} probes`),
  );
  return { all, log };
}

test("of connections without a byte the first is told, and then how many there were", () => {
  const { all, log } = probes();
  for (const id of ["1", "2", "3"]) {
    all.event(accepted(id));
    all.event(closed(id, 0));
  }
  assertEquals(log, ["1 probes"]);
  all.flush();
  assertEquals(log, ["1 probes", "2 probes"]);
});

test("a proxy's own connection is one too, if the server alone has said something", () => {
  const { all, log } = probes();
  const said = { bytesWritten: 9, local: true };
  for (
    const [id, bytes, more] of [["1", 0, said], ["2", 5, said], ["3", 0, {
      bytesWritten: 9,
    }]] as const
  ) {
    all.event(accepted(id));
    all.event(closed(id, bytes, more));
  }
  const lines = ["accepted 2", "closed 2", "accepted 3", "closed 3"];
  assertEquals(log, ["1 probes", ...lines]);
  all.flush();
});

test("any other connection has both its lines, in order", async () => {
  const { all, log } = probes();
  all.event(accepted("1"));
  all.event(accepted("2"));
  all.event(closed("2", 5));
  assertEquals(log, ["accepted 2", "closed 2"]);
  await delay(150);
  assertEquals(log.slice(2), ["accepted 1"]);
  all.event(closed("1", 0)); // its first line is there already
  assertEquals(log.slice(3), ["closed 1"]);
  all.flush();
});

test("a client that says nothing and a handler that throws is no probe", () => {
  const { all, log } = probes();
  all.event(accepted("1"));
  all.event(closed("1", 0, { reason: "error", error: "oh", stack: "at x" }));
  all.event(accepted("2"));
  all.event(closed("2", 0, { reason: "timeout" }));
  assertEquals(log, ["accepted 1", "closed 1", "accepted 2", "closed 2"]);
  all.flush();
});

test("whatever else happens comes after those that came before it", () => {
  const { all, log } = probes();
  all.event(accepted("1"));
  all.event({ type: "shutdown", time: 0, open: 1 });
  assertEquals(log, ["accepted 1", "shutdown "]);
  all.flush();
});

test("what is said of probes says how to see each", () => {
  assertEquals(probesLine(2).startsWith("· 2 connections without a byte"), true);
});
