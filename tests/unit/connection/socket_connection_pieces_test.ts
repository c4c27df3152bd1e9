/** Several pieces in one write. */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { bytes, failure, state, test, unhandled } from "../../tools/unit.ts";
import { open } from "./over_fake_socket.ts";

const SIZES = [
  [1, 2, 3],
  [0, 0],
  [],
  [5],
  [2000, 10],
  [10, 2000, 0, 20, 30, 3000, 1],
  [70_000, 3],
  [
    1,
    70_000,
  ],
  [40_000, 40_000, 1],
];

/** Pieces of these sizes, and all of them as one text. */
function pieces(sizes: readonly number[]): [Uint8Array[], string] {
  const all = sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size));
  return [all.map(bytes), all.join("")];
}

/** A connection whose socket takes several pieces in one call. */
function gathering() {
  const socket = new FakeSocket("loop");
  const calls: Uint8Array[][] = [];
  const writePieces = (given: readonly Uint8Array[]): number => {
    calls.push([...given]);
    if (socket.writeError) throw socket.writeError;
    let left = socket.take(given.reduce((sum, piece) => sum + piece.length, 0));
    const all = left;
    for (const piece of given) {
      for (const byte of piece.subarray(0, left)) socket.received += String.fromCharCode(byte);
      left = Math.max(0, left - piece.length);
    }
    return all;
  };
  return {
    socket,
    calls,
    connection: new SocketConnection(Object.assign(socket, { writePieces })),
  };
}

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: pieces go out in their order, in one write up to 64 KiB`, async () => {
    for (const sizes of SIZES) {
      const { socket, connection } = open(kind);
      const [given, all] = pieces(sizes);
      await connection.write(given);
      assertEquals(socket.received, all);
      assertEquals(connection.bytesWritten, all.length);
      if (all.length > 0 && all.length <= 65536) assertEquals(socket.log.length, 1, `${sizes}`);
    }
  });
}

test("large pieces go out in one call, where they are", async () => {
  const { socket, calls, connection } = gathering();
  const [given, all] = pieces([20, 5000, 30, 40, 5000]);
  await connection.write(given);
  assertEquals(socket.received, all);
  assertEquals(calls.length, 1);
  assertEquals(calls[0].map((piece) => piece.length), [20, 5000, 70, 5000]);
  assertStrictEquals(calls[0][1], given[1]);
});

test("what the kernel does not take of several pieces waits, and later writes wait behind it", async () => {
  for (const taken of [0, 1, 20, 21, 4000, 9999]) {
    const { socket, connection } = gathering();
    const [given, all] = pieces([20, 5000, 30, 4950]);
    socket.take = () => {
      socket.take = () => 0;
      return taken;
    };
    const first = connection.write(given);
    const second = connection.write(pieces([3000, 3000])[0]);
    assertEquals(await state(first), "pending", `${taken}`);
    assertEquals(await state(second), "pending");
    socket.resume();
    await second;
    assertEquals(await state(first), "resolved");
    assertEquals(socket.received, all + "a".repeat(3000) + "b".repeat(3000));
  }
});

test("a write of several pieces that fails is one that failed", async () => {
  const { socket, connection } = gathering();
  socket.writeError = failure("ECONNRESET");
  const errors = await unhandled(async () => {
    assertEquals(await state(connection.write(pieces([20, 5000])[0])), "ECONNRESET");
    assertEquals(await state(connection.write(pieces([20, 5000])[0])), "ECONNRESET");
    void connection.write(pieces([20, 5000])[0]);
    assertEquals(await state(connection.finish(10)), "ECONNRESET");
  });
  assertEquals(errors, []);
});

test("several pieces are refused after the end, and so is what is none", async () => {
  const { calls, connection } = gathering();
  for (const wrong of [[1], ["text"], [bytes("x"), null], { length: 1 }]) {
    await assertRejects(() => connection.write(wrong as unknown as Uint8Array[]), TypeError);
  }
  await connection.closeWrite();
  assertEquals(await state(connection.write(pieces([20, 5000])[0])), "EPIPE");
  connection.close();
  assertEquals(await state(connection.write(pieces([20, 5000])[0])), "EBADF");
  assertEquals(calls.length, 0);
});

test("a handler that only writes pieces gives way", async () => {
  const { connection } = gathering();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  for (let i = 0; i < 2000; i++) await connection.write(pieces([20, 2000])[0]);
  clearInterval(timer);
  assertEquals(turns > 0, true);
});
