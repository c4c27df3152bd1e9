/** What a server tells of itself, from its events and what is to be seen of its workers. */
import { assert, assertEquals } from "@std/assert";
import { StatusKeeper } from "../../../src/status/keeper.ts";
import { metrics } from "../../../src/status/metrics.ts";
import type { About, View, WorkerView } from "../../../src/status/view.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { delay, test } from "../../tools/unit.ts";

const runtime = await detect();
const worker = { kind: "process", id: 4711 } as const;
const certificates = [
  { names: ["x.example", "y.example"], serialNumber: "1A", notAfter: 3000 },
  { names: ["x.example"], serialNumber: "1B", notAfter: 2000 },
  { names: [], serialNumber: "1C", notAfter: 4000 },
];
const remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 50_000 } as const;

/** A keeper of a server that has one worker. */
function keeperOf(each: About["each"], told: Partial<WorkerView>): StatusKeeper {
  const about: About = {
    model: each === "one" ? "process" : "multiplex",
    handler: "echo",
    addrs: [remoteAddr],
    each,
    limits: { connections: 4, connectionsPerSource: 0, backlog: 511 },
  };
  const one: WorkerView = {
    ...{ name: worker, state: "idle", generation: 0, open: 0, tells: "reports", reported: null },
    ...told,
  };
  const view: View = { stopping: false, waiting: 0, workers: [one], certificates, lookAt() {} };
  const keeper = new StatusKeeper(runtime);
  keeper.start({ about, view: () => view });
  keeper.stop(); // it is looked at by hand
  keeper.book.event({ type: "worker_started", worker });
  return keeper;
}

const before = (milliseconds: number) => ({
  busy: 0.5,
  delay: 700,
  at: performance.now() - milliseconds,
});

test("a loop with many connections that has not reported for seconds is stuck, also without one", () => {
  const stateOf = (milliseconds: number) =>
    keeperOf("many", { reported: before(milliseconds) }).status().workers[0].state;
  assertEquals([stateOf(1000), stateOf(6000)], ["idle", "stuck"]);
});

test("nobody waits for a client where no loop is there", () => {
  const of = (state: WorkerView["state"]) => keeperOf("many", { state }).status().scoreboard;
  assertEquals([of("idle"), of("starting")], ["_", "."]);
});

test("a worker that blocks in accept has no loop of which anything is known", () => {
  const { workers, loopDelay } = keeperOf("one", { reported: before(60_000) }).status();
  const { state, busy, loopDelay: late, reportedAgo } = workers[0];
  assertEquals([state, busy, late, reportedAgo], ["idle", null, null, null]);
  const status = keeperOf("one", { reported: before(60_000) }).status();
  assert(metrics(status, false).includes(`trivet_loop_delay_seconds ${loopDelay / 1000}\n`));
});

test("what was told once stays as it was", () => {
  const keeper = keeperOf("one", {});
  const status = keeper.status();
  const text = JSON.stringify(status);
  keeper.book.event({ type: "accepted", id: "1.1", remoteAddr, worker });
  keeper.book.event({
    ...{ type: "closed", id: "1.1", remoteAddr, worker, milliseconds: 30, reason: "error" },
    ...{ error: "oh", bytesRead: 1, bytesWritten: 1 },
  });
  (keeper.status().history.open as number[]).push(9);
  assertEquals(JSON.stringify(status), text);
  assertEquals(keeper.status().history.open, []);
});

test("a server has begun at one time, whenever it is asked", async () => {
  const keeper = keeperOf("one", {});
  const begun = () =>
    /^process_start_time_seconds (.*)$/m.exec(metrics(keeper.status(), false))![1];
  const first = begun();
  for (let n = 0; n < 20; n++) {
    await delay(1.3);
    assertEquals(begun(), first);
  }
});

test("of certificates with one name it is the first end that is told", () => {
  const lines = metrics(keeperOf("one", {}).status(), false).split("\n");
  const name = "trivet_tls_certificate_expiry_timestamp_seconds";
  assertEquals(lines.filter((line) => line.startsWith(name)), [
    `${name}{certificate="x.example"} 2`,
    `${name}{certificate="1C"} 4`,
  ]);
});

test("each metric is in docs/status.md", async () => {
  const keeper = keeperOf("one", {
    reported: { busy: 0.5, delay: 1, at: performance.now() },
    open: 1,
  });
  keeper.book.event({ type: "accept_failed", code: "EMFILE", count: 1, worker });
  keeper.book.event({ type: "worker_exited", worker, reason: "exit" });
  const docs = await Deno.readTextFile(new URL("../../../docs/status.md", import.meta.url));
  const names = [...metrics(keeper.status(), false).matchAll(/^# TYPE (\S+)/gm)];
  assertEquals(names.map(([, name]) => name).filter((name) => !docs.includes(`\`${name}`)), []);
});
