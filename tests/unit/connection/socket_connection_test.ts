/** What is read and written. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { within } from "../../tools/client.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { bytes, failure, settle, state, test, text, unhandled } from "../../tools/unit.ts";
import { code, open, read } from "./over_fake_socket.ts";

/** xorshift32, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: the addresses are the socket's`, () => {
    const { socket, connection } = open(kind);
    assertEquals(connection.localAddr, socket.localAddr);
    assertEquals(connection.remoteAddr, socket.remoteAddr);
  });

  test(`${kind}: read gives what came, as much as the buffer holds`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("hello", "!");
    assertEquals(await read(connection, 4), "hell");
    assertEquals(await read(connection, 4), "o");
    assertEquals(await read(connection, 4), "!");
    assertEquals(connection.bytesRead, 6);
    assertEquals(socket.reads, 3);
  });

  test(`${kind}: read rejects a buffer without room`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("x");
    await assertRejects(() => connection.read(new Uint8Array(0)), RangeError);
    assertEquals(socket.reads, 0);
    assertEquals(await read(connection), "x");
  });

  test(`${kind}: read and write of anything but a Uint8Array are a TypeError, and harm nothing`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("x");
    for (const wrong of [1024, undefined, null, "text", [1, 2], new Uint16Array(4), {}]) {
      await assertRejects(() => connection.read(wrong as Uint8Array), TypeError, "Uint8Array");
      await assertRejects(() => connection.write(wrong as Uint8Array), TypeError, "Uint8Array");
    }
    assertEquals(socket.reads, 0);
    assertEquals(await read(connection), "x");
  });

  test(`${kind}: what came before FIN is read first, then null for ever`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("last words", null);
    assertEquals(await read(connection, 5), "last ");
    assertEquals(await read(connection, 5), "words");
    assertEquals(await read(connection), null);
    const asked = socket.reads;
    assertEquals(await read(connection), null);
    assertEquals(await read(connection), null);
    assertEquals(socket.reads, asked, "the socket was asked again");
  });

  test(`${kind}: a reset rejects the read with ECONNRESET, then and later`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("x", failure("ECONNRESET"));
    assertEquals(await read(connection), "x");
    assertEquals(await code(read(connection)), "ECONNRESET");
    const asked = socket.reads;
    assertEquals(await code(read(connection)), "ECONNRESET");
    assertEquals(await code(read(connection)), "ECONNRESET");
    assertEquals(socket.reads, asked, "the socket was asked again");
  });

  test(`${kind}: the runtime's own error becomes a system's, once`, async () => {
    const socket = new FakeSocket(kind);
    const made: unknown[] = [];
    const connection = new SocketConnection(socket, (error) => {
      made.push(error);
      return new SystemError("ECONNRESET", "made", error);
    });
    const own = new TypeError("the runtime's own");
    socket.arrive(own);
    const first = await assertRejects(() => read(connection), SystemError, "made");
    assertStrictEquals(first.cause, own);
    assertStrictEquals(await assertRejects(() => read(connection), SystemError), first);
    socket.writeError = own;
    const failed = await assertRejects(() => connection.write(bytes("x")), SystemError, "made");
    assertStrictEquals(failed.cause, own);
    assertEquals(made, [own, own]);
  });

  for (
    const [amount, take] of [
      ["one byte", () => 1],
      ["a random part", (length: number) => 1 + random(length * 7919)(length)],
      ["all", (length: number) => length],
    ] as [string, (length: number) => number][]
  ) {
    test(`${kind}: writes go whole and in order when the socket takes ${amount} at a time`, async () => {
      const { socket, connection } = open(kind);
      socket.take = take;
      const next = random(4711);
      let sent = "";
      const done: number[] = [];
      const writes: Promise<unknown>[] = [];
      for (let i = 0; i < 20; i++) {
        const message = `${i}:`.padEnd(next(40), "x");
        sent += message;
        const before = sent.length;
        writes.push(
          connection.write(bytes(message)).then(() => {
            done.push(i);
            assert(socket.received.length >= before, `write ${i} resolved too soon`);
          }),
        );
        if (i % 5 === 4) await settle();
      }
      await within("the writes", Promise.all(writes));
      assertEquals(socket.received, sent);
      assertEquals(connection.bytesWritten, sent.length);
      assertEquals(done, done.toSorted((a, b) => a - b));
    });
  }

  test(`${kind}: after a failed write later ones reject with its code`, async () => {
    const { socket, connection } = open(kind);
    await connection.write(bytes("fine"));
    socket.writeError = failure("ECONNRESET");
    assertEquals(await code(connection.write(bytes("a"))), "ECONNRESET");
    socket.writeError = null;
    assertEquals(await code(connection.write(bytes("b"))), "ECONNRESET");
    assertEquals(await code(connection.write(new Uint8Array(0))), "ECONNRESET");
    assertEquals(socket.received, "fine");
  });

  test(`${kind}: a write that fails halfway fails those that wait behind it`, async () => {
    const { socket, connection } = open(kind);
    socket.take = () => {
      if (socket.received.length === 1) socket.writeError = failure("EPIPE");
      return 1;
    };
    const writes = ["abc", "def", "ghi"].map((part) => connection.write(bytes(part)));
    assertEquals(await Promise.all(writes.map(code)), ["EPIPE", "EPIPE", "EPIPE"]);
    assertEquals(socket.received, "ab");
    assertEquals(connection.bytesWritten, 2);
  });

  test(`${kind}: onMessage is told of the bytes of each read`, async () => {
    const { socket, connection } = open(kind);
    const messages: string[] = [];
    connection.onMessage = (message) => messages.push(text(message));
    socket.arrive("one", "two", null);
    while (await read(connection) !== null);
    assertEquals(messages, ["one", "two"]);
  });

  test(`${kind}: writes that nobody awaits may fail after the first has failed`, async () => {
    const { socket, connection } = open(kind);
    socket.writeError = failure("EPIPE");
    const first = state(connection.write(bytes("a")));
    assertEquals(await first, "EPIPE");
    assertEquals(await unhandled(() => void connection.write(bytes("b"))), []);
  });
}

test("loop: a second read throws EBUSY at once, and ends the connection", async () => {
  const { socket, connection } = open("loop");
  const first = read(connection);
  // As a loop in which `await` is missing, which sees no rejection.
  const { message, code: name } = assertThrows(() => {
    for (;;) void connection.read(new Uint8Array(8));
  }, SystemError);
  assertEquals(name, "EBUSY");
  assert(message.includes("`await`"), message);
  assertEquals(await code(first), "EBUSY");
  assertEquals([socket.log, socket.overlaps], [["read", "reset"], 0]);
});

test("loop: reads without end at the end, and writes that nobody awaits, end the connection", async () => {
  const { socket, connection } = open("loop");
  socket.arrive(null);
  assertEquals(await read(connection), null);
  assertThrows(() => {
    for (;;) void connection.read(new Uint8Array(8));
  }, SystemError);
  assertEquals(socket.closes, 1);
  const writing = open("loop");
  writing.socket.take = () => 0;
  const { code: name } = assertThrows(() => {
    for (;;) void writing.connection.write(bytes("x"));
  }, SystemError);
  assertEquals([name, writing.socket.closes], ["ENOBUFS", 1]);
});

test("loop: empty writes give way", async () => {
  const { connection } = open("loop");
  let hadTurn = false;
  setTimeout(() => hadTurn = true, 0);
  for (let i = 0; i < 100_000 && !hadTurn; i++) await connection.write(new Uint8Array(0));
  assert(hadTurn, "a loop of empty writes kept the thread");
});

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: reset closes with RST, once, and pending calls reject`, async () => {
    const { socket, connection } = open(kind);
    const pending = kind === "loop" ? read(connection) : null;
    connection.reset();
    connection.reset();
    connection.close();
    if (pending) assertEquals(await code(pending), "EBADF");
    assertEquals(await code(connection.write(bytes("x"))), "EBADF");
    assertEquals(socket.log.filter((call) => call !== "read"), ["reset"]);
    assertEquals(socket.lingers, [0]);
  });
}

test("loop: gone is aborted by a failed call, by close, and when it is asked for too late", async () => {
  const { socket, connection } = open("loop");
  const { gone } = connection;
  assertEquals(gone.aborted, false);
  socket.arrive(failure("ECONNRESET"));
  assertEquals(await code(read(connection)), "ECONNRESET");
  assertEquals([gone.aborted, gone.reason.code], [true, "ECONNRESET"]);
  const other = open("loop").connection;
  const its = other.gone;
  other.close();
  assertEquals([its.aborted, its.reason.code], [true, "EBADF"]);
  const late = open("loop").connection;
  late.close();
  assert(late.gone.aborted);
});

test("blocking: gone is refused in one line", () => {
  const { connection } = open("blocking");
  const { message, code } = assertThrows(() => connection.gone, SystemError);
  assertEquals([code, message.includes("\n")], ["ENOTSUP", false]);
});

test("loop: a write waits while the peer does not read", async () => {
  const { socket, connection } = open("loop");
  socket.take = (length) => socket.received === "" ? Math.min(length, 2) : 0;
  const first = connection.write(bytes("abcd"));
  const second = connection.write(bytes("ef"));
  assertEquals(await state(first), "pending");
  assertEquals(await state(second), "pending");
  assertEquals(socket.received, "ab");
  socket.resume();
  await within("the writes", Promise.all([first, second]));
  assertEquals(socket.received, "abcdef");
});

test("loop: an empty write waits for those before it", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  void connection.write(bytes("x"));
  const empty = connection.write(new Uint8Array(0));
  assertEquals(await state(empty), "pending");
  socket.resume();
  await within("the empty write", empty);
});

test("loop: reading goes on while a write waits", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  const write = connection.write(bytes("x"));
  socket.arrive("y");
  assertEquals(await read(connection), "y");
  assertEquals(await state(write), "pending");
  socket.resume();
  await within("the write", write);
});

test("loop: a write that waits and fails fails those behind it", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  const writes = ["a", "b"].map((part) => connection.write(bytes(part)));
  const fin = connection.closeWrite();
  await settle();
  socket.failWrite(failure("ECONNRESET"));
  assertEquals(await Promise.all([...writes, fin].map(code)), [
    "ECONNRESET",
    "ECONNRESET",
    "ECONNRESET",
  ]);
  assertEquals(await code(connection.write(bytes("c"))), "ECONNRESET");
  assertEquals(socket.fins, 0);
});
