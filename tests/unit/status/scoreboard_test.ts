import { assertEquals } from "@std/assert";
import type { WholeBlockingSocket } from "../../../src/connection/socket.ts";
import { freeRow, readRows, scoreboardSize, ScoreRow } from "../../../src/status/scoreboard.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { test } from "../../tools/unit.ts";

const rowsOf = (memory: SharedArrayBuffer) => readRows(new Int32Array(memory));

/** A fake never waits for long, and needs no more than it can do. */
const whole = (fake: FakeSocket) => fake as unknown as WholeBlockingSocket;

test("a row tells what a blocking socket is doing, and what it has done", () => {
  const memory = new SharedArrayBuffer(scoreboardSize(4));
  const row = ScoreRow.claim(memory, 7)!;
  assertEquals([...rowsOf(memory)], [[7, null]]);
  const fake = new FakeSocket("blocking");
  const seen: string[] = [];
  const see = () => seen.push(rowsOf(memory).get(7)!.doing);
  const socket = row.watch({
    localAddr: fake.localAddr,
    remoteAddr: fake.remoteAddr,
    read: (buffer) => (see(), fake.read(buffer)),
    write: (bytes) => (see(), fake.write(bytes)),
    closeWrite: () => fake.closeWrite(),
    close: () => fake.close(),
    reset: () => fake.close(),
    setTimeout: () => {},
    setDeadline: () => {},
    writePieces: () => 0,
    setPeerLimits() {},
    waitReadable: () => true,
  });
  assertEquals(rowsOf(memory).get(7), null); // it may be refused
  row.begin();
  see();
  fake.arrive("hello", "rest", null);
  socket.read(new Uint8Array(100));
  see();
  socket.write(new Uint8Array(3));
  see();
  socket.setTimeout!(10); // an idle timeout
  see();
  socket.closeWrite();
  see(); // a handler may go on reading
  socket.setTimeout!(10); // SocketConnection.finish
  see();
  socket.read(new Uint8Array(100));
  see();
  assertEquals(
    seen.join(" "),
    "handler reads handler writes handler handler handler lingers lingers lingers",
  );
  const { count, bytesRead, bytesWritten } = rowsOf(memory).get(7)!;
  assertEquals([count, bytesRead, bytesWritten], [1, 5, 3]);
  socket.close();
  assertEquals(rowsOf(memory).get(7), null);
});

test("each worker has a row of its own, and the next one that of whoever is gone", () => {
  const memory = new SharedArrayBuffer(scoreboardSize(0));
  const rows = Array.from({ length: 64 }, (_, n) => ScoreRow.claim(memory, n + 1));
  assertEquals(rows.every((row) => row !== null), true);
  assertEquals(ScoreRow.claim(memory, 100), null);
  rows[9]!.begin();
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
  ScoreRow.claim(memory, 100);
  assertEquals(rowsOf(memory).get(100), null);
  assertEquals(rowsOf(memory).size, 64);
});

test("what is told while the next connection begins is nobody's", () => {
  const memory = new SharedArrayBuffer(scoreboardSize(0));
  const row = ScoreRow.claim(memory, 1)!;
  const socket = row.watch(whole(new FakeSocket("blocking")));
  row.begin();
  socket.write(new Uint8Array(3));
  assertEquals(rowsOf(memory).get(1)?.bytesWritten, 3);
  new Int32Array(memory)[16 + 8]++; // as it is between the first and the last word of `begin`
  assertEquals(rowsOf(memory).get(1), null);
});

test("what fails tells no bytes", () => {
  const memory = new SharedArrayBuffer(scoreboardSize(0));
  const fake = new FakeSocket("blocking");
  const row = ScoreRow.claim(memory, 1)!;
  const socket = row.watch(whole(fake));
  row.begin();
  fake.arrive(new Error("reset"));
  try {
    socket.read(new Uint8Array(1));
  } catch {
    // as it shall
  }
  assertEquals(rowsOf(memory).get(1)!.bytesRead, 0);
});
