import { assertEquals, assertThrows } from "@std/assert";
import { READS } from "../../../src/connection/activity.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { BlockingSocket } from "../../../src/posix/blocking_socket.ts";
import type { Libc } from "../../../src/posix/libc.ts";
import { ringBytes } from "../../../src/status/event_ring.ts";
import { freeRow, readRows, ScoreRow } from "../../../src/status/scoreboard.ts";
import { threadScores } from "../../../src/status/scores.ts";
import { claimed } from "../../tools/score_row.ts";
import { test } from "../../tools/unit.ts";

const rowsOf = (memory: SharedArrayBuffer) => readRows(new Int32Array(memory));

function socketOver(libc: Libc, release: () => void, row: ScoreRow): BlockingSocket {
  const end = { transport: "unix", path: "" } as const;
  const told = { receive: Infinity, send: Infinity };
  return new BlockingSocket(libc, 9, end, end, told, release, row.activity);
}

test("a row tells what a blocking socket is doing, and what it has done", async () => {
  const memory = threadScores(4).shared!;
  const row = claimed(memory, 7);
  assertEquals([...rowsOf(memory)], [[7, null]]);
  const seen: string[] = [];
  const see = () => seen.push(rowsOf(memory).get(7)?.doing ?? "nothing");
  const comes = [5, 4, 0];
  const libc = {
    receive: () => (see(), comes.shift()),
    send: (_: number, bytes: Uint8Array) => (see(), bytes.length),
    waitReadable: () => (see(), true),
    shutdown() {},
    endBy: see,
    setTimeout() {},
    unacknowledged: () => 0,
  } as unknown as Libc;
  const socket = socketOver(libc, see, row);
  assertEquals(rowsOf(memory).get(7), null); // it may be refused
  row.begin();
  see();
  socket.waitReadable(1);
  const connection = new SocketConnection(socket);
  await connection.read(new Uint8Array(100));
  see();
  await connection.write(new Uint8Array(3));
  connection.setIdleTimeout(10);
  await connection.closeWrite();
  see(); // a handler may go on reading
  await connection.finish(10); // discards what comes
  assertEquals(
    seen.join(" "),
    "handler reads reads handler writes handler handler lingers lingers nothing",
  );
  assertEquals(rowsOf(memory).get(7), null);
  row.activity.doing = READS; // to look at what is left there
  const { count, bytesRead, bytesWritten } = rowsOf(memory).get(7)!;
  assertEquals([count, bytesRead, bytesWritten], [1, 5, 3]);
});

test("each worker has a row of its own, and the next one that of whoever is gone", () => {
  const memory = threadScores(0).shared!;
  const rows = Array.from({ length: 64 }, (_, n) => claimed(memory, n + 1));
  assertEquals(new ScoreRow(memory, ringBytes("one")).claim(100, true), false);
  rows[9].begin();
  assertEquals(rowsOf(memory).get(10)?.doing, "handler");
  const written: number[] = [];
  freeRow(new Int32Array(memory), 10, (bytes, offset) => {
    new Uint8Array(memory).set(bytes, offset);
    written.push(offset % 64);
  });
  assertEquals(written, [4, 0]); // its number last: from then on it may be claimed
  assertEquals(rowsOf(memory).has(10), false);
  new Int32Array(memory)[10 * 16] = 100; // as it is when `claim` has just begun
  assertEquals(rowsOf(memory).get(100), null);
  freeRow(
    new Int32Array(memory),
    100,
    (bytes, offset) => new Uint8Array(memory).set(bytes, offset),
  );
  claimed(memory, 100);
  assertEquals(rowsOf(memory).get(100), null);
  assertEquals(rowsOf(memory).size, 64);
});

test("what is told while the next connection begins is nobody's", () => {
  const memory = threadScores(0).shared!;
  const row = claimed(memory, 1);
  row.begin();
  row.activity.wrote(3);
  assertEquals(rowsOf(memory).get(1)?.bytesWritten, 3);
  new Int32Array(memory)[16 + 8]++; // as it is between the first and the last word of `begin`
  assertEquals(rowsOf(memory).get(1), null);
});

test("what fails tells no bytes", () => {
  const memory = threadScores(0).shared!;
  const row = claimed(memory, 1);
  const fails = () => {
    throw new Error("reset");
  };
  const libc = { receive: fails, send: fails } as unknown as Libc;
  const socket = socketOver(libc, () => {}, row);
  row.begin();
  assertThrows(() => socket.read(new Uint8Array(1)), Error, "reset");
  assertThrows(() => socket.write(new Uint8Array(1)), Error, "reset");
  assertEquals(rowsOf(memory).get(1), { count: 1, doing: "writes", bytesRead: 0, bytesWritten: 0 });
});
