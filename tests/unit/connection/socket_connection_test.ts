import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { within } from "../../tools/client.ts";
import { FakeSocket, type Kind } from "../../tools/fake_socket.ts";
import { bytes, failure, settle, state, test, text, unhandled } from "../../tools/unit.ts";

function open(kind: Kind): { socket: FakeSocket; connection: SocketConnection } {
  const socket = new FakeSocket(kind);
  return { socket, connection: new SocketConnection(socket) };
}

/** What one read gives, as text. */
async function read(connection: SocketConnection, room = 100): Promise<string | null> {
  const buffer = new Uint8Array(room);
  const length = await connection.read(buffer);
  return length === null ? null : text(buffer.subarray(0, length));
}

async function code(promise: Promise<unknown>): Promise<string> {
  return (await within("the rejection", assertRejects(() => promise, SystemError))).code;
}

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

  test(`${kind}: closeWrite comes after the writes before it, and reading goes on`, async () => {
    const { socket, connection } = open(kind);
    socket.take = () => 1;
    void connection.write(bytes("ab"));
    void connection.write(bytes("cd"));
    const first = connection.closeWrite();
    const second = connection.closeWrite();
    assertEquals(await code(connection.write(bytes("late"))), "EPIPE");
    await within("FIN", Promise.all([first, second]));
    await within("FIN again", connection.closeWrite());
    assertEquals(socket.log, ["write a", "write b", "write c", "write d", "FIN"]);
    assertEquals(await code(connection.write(bytes("later"))), "EPIPE");
    assertEquals(await code(connection.write(new Uint8Array(0))), "EPIPE");
    socket.arrive("still");
    assertEquals(await read(connection), "still");
  });

  test(`${kind}: closeWrite after a failed write rejects with its code and sends nothing`, async () => {
    const { socket, connection } = open(kind);
    socket.writeError = failure("ECONNRESET");
    await code(connection.write(bytes("x")));
    assertEquals(await code(connection.closeWrite()), "ECONNRESET");
    assertEquals(socket.fins, 0);
  });

  test(`${kind}: close is idempotent, and later calls reject with EBADF`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("unread");
    connection.close();
    connection.close();
    assertEquals(socket.closes, 1);
    assertEquals(await code(read(connection)), "EBADF");
    assertEquals(await code(connection.write(bytes("x"))), "EBADF");
    assertEquals(await code(connection.write(new Uint8Array(0))), "EBADF");
    assertEquals(await code(connection.closeWrite()), "EBADF");
    assertEquals([socket.reads, socket.received, socket.fins], [0, "", 0]);
  });

  test(`${kind}: close wins over a reset, an end and a failed write`, async () => {
    const ended = open(kind);
    ended.socket.arrive(null);
    await read(ended.connection);
    ended.connection.close();
    assertEquals(await code(read(ended.connection)), "EBADF");

    const reset = open(kind);
    reset.socket.arrive(failure("ECONNRESET"));
    reset.socket.writeError = failure("EPIPE");
    await code(read(reset.connection));
    await code(reset.connection.write(bytes("x")));
    reset.connection.close();
    assertEquals(await code(read(reset.connection)), "EBADF");
    assertEquals(await code(reset.connection.write(bytes("x"))), "EBADF");
  });

  test(`${kind}: onMessage is told of the bytes of each read`, async () => {
    const { socket, connection } = open(kind);
    const messages: string[] = [];
    connection.onMessage = (message) => messages.push(text(message));
    socket.arrive("one", "two", null);
    while (await read(connection) !== null);
    assertEquals(messages, ["one", "two"]);
  });

  test(`${kind}: streams and calls on one connection are a TypeError`, async () => {
    const calls = open(kind).connection;
    await calls.write(bytes("x"));
    assertThrows(() => calls.readable, TypeError);
    assertThrows(() => calls.writable, TypeError);

    const streams = open(kind).connection;
    const { readable, writable } = streams;
    assertStrictEquals(streams.readable, readable);
    assertStrictEquals(streams.writable, writable);
    await assertRejects(() => streams.read(new Uint8Array(1)), TypeError);
    await assertRejects(() => streams.write(bytes("x")), TypeError);

    const { socket, connection } = open(kind);
    socket.arrive("x");
    await read(connection);
    assertThrows(() => connection.writable, TypeError);
  });

  test(`${kind}: a stream reads only when it is asked to`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("one", "two", null);
    const reader = connection.readable.getReader();
    await settle();
    assertEquals(socket.reads, 0);
    assertEquals(text((await reader.read()).value!), "one");
    await settle();
    assertEquals(socket.reads, 1);
    assertEquals(text((await reader.read()).value!), "two");
    await settle();
    assertEquals(socket.reads, 2);
    assertEquals((await reader.read()).done, true);
  });

  test(`${kind}: a chunk of a stream does not change when the next one comes`, async () => {
    const { socket, connection } = open(kind);
    const parts = ["small", "b".repeat(20_000), "c".repeat(20_000), "d"];
    socket.arrive(...parts, null);
    const chunks: Uint8Array[] = [];
    for await (const chunk of connection.readable) chunks.push(chunk);
    assertEquals(chunks.map(text).join(""), parts.join(""));
  });

  test(`${kind}: pipeTo answers each message before it reads the next, then half-closes`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("one", "two", null);
    await within("the pipe", connection.readable.pipeTo(connection.writable));
    assertEquals(socket.log, ["read", "write one", "read", "write two", "read", "FIN"]);
    assertEquals(socket.closes, 0);
  });

  test(`${kind}: a reset errors the stream with ECONNRESET, and a pipe then closes`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("one", failure("ECONNRESET"));
    const { readable, writable } = connection;
    assertEquals(await code(readable.pipeTo(writable)), "ECONNRESET");
    assertEquals(socket.received, "one");
    assertEquals(connection.closedBy, "EBADF");
  });

  test(`${kind}: a failed write errors the stream with its code`, async () => {
    const { socket, connection } = open(kind);
    const writer = connection.writable.getWriter();
    writer.closed.catch(() => {});
    socket.writeError = failure("EPIPE");
    assertEquals(await code(writer.write(bytes("x"))), "EPIPE");
  });

  test(`${kind}: closing the writable sends FIN after what was written`, async () => {
    const { socket, connection } = open(kind);
    socket.take = () => 1;
    const writer = connection.writable.getWriter();
    void writer.write(bytes("ab"));
    await within("the close", writer.close());
    assertEquals(socket.log, ["write a", "write b", "FIN"]);
    assertEquals(connection.closedBy, null);
    socket.arrive("still");
    assertEquals(text((await connection.readable.getReader().read()).value!), "still");
  });

  test(`${kind}: aborting the writable is close`, async () => {
    const { socket, connection } = open(kind);
    await within("the abort", connection.writable.abort());
    assertEquals([socket.closes, connection.closedBy], [1, "EBADF"]);
  });

  test(`${kind}: cancelling the readable is close`, async () => {
    const { socket, connection } = open(kind);
    await within("the cancel", connection.readable.cancel());
    assertEquals([socket.closes, connection.closedBy], [1, "EBADF"]);
  });

  test(`${kind}: finish writes, sends FIN, discards until the peer closes, then closes`, async () => {
    const { socket, connection } = open(kind);
    socket.take = () => 1;
    void connection.write(bytes("ab"));
    socket.arrive("discarded", "this too", null);
    await within("the end", connection.finish(10_000));
    assertEquals(socket.log, ["write a", "write b", "FIN", "read", "read", "read", "close"]);
    assertEquals(connection.bytesRead, 0);
    assertEquals(connection.closedBy, "EBADF");
  });

  test(`${kind}: finish sends no second FIN and asks no more after the end`, async () => {
    const { socket, connection } = open(kind);
    await connection.closeWrite();
    socket.arrive(null);
    await read(connection);
    await within("the end", connection.finish(10_000));
    assertEquals(socket.log, ["FIN", "read", "close"]);
  });

  test(`${kind}: finish closes when linger is over`, async () => {
    const { socket, connection } = open(kind);
    await within("the end", connection.finish(30));
    assertEquals(socket.log, ["FIN", "read", "close"]);
  });

  test(`${kind}: finish closes when linger is over though input comes without end`, async () => {
    const { socket, connection } = open(kind);
    socket.endless = true;
    const start = performance.now();
    await within("the end", connection.finish(30));
    assert(performance.now() - start >= 25, "linger was cut short");
    assertEquals([socket.fins, socket.closes], [1, 1]);
    assert(socket.reads > 1);
  });

  test(`${kind}: finish with a linger of 0 closes after FIN`, async () => {
    const { socket, connection } = open(kind);
    await within("the end", connection.finish(0));
    assertEquals(socket.log.filter((call) => call !== "read"), ["FIN", "close"]);
  });

  test(`${kind}: finish takes a reset while it discards for the end`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive("x", failure("ECONNRESET"));
    await within("the end", connection.finish(10_000));
    assertEquals(socket.log, ["FIN", "read", "read", "close"]);
  });

  test(`${kind}: finish asks no more after a reset was read`, async () => {
    const { socket, connection } = open(kind);
    socket.arrive(failure("ECONNRESET"));
    await code(read(connection));
    await within("the end", connection.finish(10_000));
    assertEquals(socket.log, ["read", "FIN", "close"]);
  });

  test(`${kind}: finish after close does nothing`, async () => {
    const { socket, connection } = open(kind);
    connection.close();
    await within("the end", connection.finish(10_000));
    assertEquals(socket.log, ["close"]);
  });

  test(`${kind}: finish rejects when FIN cannot be sent, and closes`, async () => {
    const { socket, connection } = open(kind);
    socket.finError = failure("ENOTCONN");
    assertEquals(await code(connection.finish(10_000)), "ENOTCONN");
    assertEquals(socket.closes, 1);
  });

  for (const [what, take] of [["at once", 0], ["halfway", 1]] as const) {
    test(`${kind}: finish reports a write that nobody awaited and that failed ${what}`, async () => {
      const { socket, connection } = open(kind);
      if (take === 0) socket.writeError = failure("EPIPE");
      else {
        socket.take = () => {
          socket.writeError = failure("EPIPE");
          return 1;
        };
      }
      let reported = "";
      const errors = await unhandled(async () => {
        void connection.write(bytes("abc"));
        await settle();
        reported = await state(connection.finish(10));
      });
      assertEquals(errors, []);
      assertEquals(reported, "EPIPE");
      assertEquals(socket.closes, 1);
    });
  }

  test(`${kind}: writes that nobody awaits may fail after the first has failed`, async () => {
    const { socket, connection } = open(kind);
    socket.writeError = failure("EPIPE");
    const first = state(connection.write(bytes("a")));
    assertEquals(await first, "EPIPE");
    assertEquals(await unhandled(() => void connection.write(bytes("b"))), []);
  });

  test(`${kind}: a write that nobody awaits may come after the connection was closed`, async () => {
    const { connection } = open(kind);
    connection.close();
    assertEquals(await unhandled(() => void connection.write(bytes("x"))), []);
  });
}

test("loop: a second read is EBUSY and does not harm the first", async () => {
  const { socket, connection } = open("loop");
  const first = read(connection);
  assertEquals(await code(read(connection)), "EBUSY");
  assertEquals(await state(first), "pending");
  socket.arrive("one", "two");
  assertEquals(await first, "one");
  assertEquals(await read(connection), "two");
  assertEquals(socket.overlaps, 0);
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

test("loop: close rejects all that is pending with EBADF", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  const pending = [
    read(connection),
    connection.write(bytes("a")),
    connection.write(bytes("b")),
    connection.closeWrite(),
  ];
  await settle();
  connection.close();
  assertEquals(await Promise.all(pending.map(code)), ["EBADF", "EBADF", "EBADF", "EBADF"]);
  assertEquals([socket.received, socket.fins, socket.closes], ["", 0, 1]);
});

test("loop: a pending read rejects with EBADF though the socket ends it well", async () => {
  for (const end of [null, 1]) {
    const { socket, connection } = open("loop");
    socket.onClose = end;
    const pending = read(connection);
    connection.close();
    assertEquals(await code(pending), "EBADF");
    assertEquals(connection.bytesRead, 0);
  }
});

test("loop: a read that a handler left behind is no unhandled rejection when it closes", async () => {
  for (const end of [failure("ECLOSED"), null, 1]) {
    const { socket, connection } = open("loop");
    socket.onClose = end;
    const errors = await unhandled(() => {
      void connection.read(new Uint8Array(10));
      connection.close();
    });
    assertEquals(errors, [], `the socket ended it with ${end}`);
  }
});

test("loop: aborting the writable closes at once, even while a write waits", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  const writer = connection.writable.getWriter();
  writer.closed.catch(() => {});
  const write = state(writer.write(bytes("x")));
  assertEquals(await write, "pending");
  const aborted = writer.abort();
  await settle();
  const closes = socket.closes;
  socket.resume();
  await within("the abort", aborted);
  assertEquals(closes, 1);
});

test("loop: cancelling the readable closes at once, even while a read waits", async () => {
  const { socket, connection } = open("loop");
  const reader = connection.readable.getReader();
  const pending = reader.read();
  await settle();
  assertEquals(socket.reads, 1);
  void reader.cancel();
  assertEquals(socket.closes, 1);
  assertEquals((await within("the read", pending)).done, true);
});

test("loop: finish waits for writes that the peer does not read yet", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  socket.arrive(null);
  void connection.write(bytes("ab"));
  void connection.write(bytes("cd"));
  const finished = connection.finish(10_000);
  assertEquals(await state(finished), "pending");
  assertEquals(socket.log, []);
  socket.resume();
  await within("the end", finished);
  assertEquals(socket.log, ["write ab", "write cd", "FIN", "read", "close"]);
});

test("loop: finish goes on from a read that the handler left behind", async () => {
  const { socket, connection } = open("loop");
  const left = read(connection);
  const finished = connection.finish(10_000);
  assertEquals(await state(finished), "pending");
  socket.arrive("for the read", "discarded", null);
  assertEquals(await left, "for the read");
  await within("the end", finished);
  assertEquals(socket.overlaps, 0);
  assertEquals(socket.log, ["read", "FIN", "read", "read", "close"]);
});

test("loop: finish and a handler that goes on reading never read at the same time", async () => {
  const { socket, connection } = open("loop");
  const left = (async () => {
    while (await read(connection) !== null);
  })().catch(() => {});
  const finished = connection.finish(10_000);
  for (const part of ["one", "two", "three"]) {
    await settle();
    socket.arrive(part);
  }
  await settle();
  const { overlaps } = socket;
  socket.arrive(null);
  connection.close();
  await within("the end", Promise.all([left, finished]));
  assertEquals(overlaps, 0);
});

test("loop: finish ends a read that was left behind when linger is over", async () => {
  const { socket, connection } = open("loop");
  const left = read(connection);
  const finished = connection.finish(20);
  assertEquals(await code(left), "EBADF");
  await within("the end", finished);
  assertEquals(socket.closes, 1);
});

test("loop: without a byte in time all that is pending rejects with ETIMEDOUT", async () => {
  const { socket, connection } = open("loop");
  socket.take = () => 0;
  connection.setIdleTimeout(20);
  const pending = [read(connection), connection.write(bytes("a")), connection.closeWrite()];
  assertEquals(await Promise.all(pending.map(code)), ["ETIMEDOUT", "ETIMEDOUT", "ETIMEDOUT"]);
  assertEquals(await code(read(connection)), "ETIMEDOUT");
  assertEquals(await code(connection.write(bytes("b"))), "ETIMEDOUT");
  connection.close();
  assertEquals([connection.closedBy, socket.closes], ["ETIMEDOUT", 1]);
});

for (const direction of ["read", "written"]) {
  test(`loop: bytes that are ${direction} put the timeout off`, async () => {
    const { socket, connection } = open("loop");
    const start = performance.now();
    connection.setIdleTimeout(200);
    while (performance.now() - start < 400) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (direction === "written") await connection.write(bytes("x"));
      else {
        socket.arrive("x");
        await read(connection);
      }
    }
    assertEquals(connection.closedBy, null);
    const last = performance.now();
    assertEquals(await code(read(connection)), "ETIMEDOUT");
    assert(performance.now() - last >= 150, "it came too early");
  });
}

test("loop: close takes the idle timeout's timer along", () => {
  const { connection } = open("loop");
  connection.setIdleTimeout(60_000);
  connection.close();
});

test("loop: an idle timeout of 0 is none", async () => {
  const { connection } = open("loop");
  connection.setIdleTimeout(0);
  const pending = read(connection);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(await state(pending), "pending");
  connection.close();
  await code(pending);
});

test("loop: the idle timeout does not cut short what linger allows while bytes come", async () => {
  const { socket, connection } = open("loop");
  connection.setIdleTimeout(150);
  const start = performance.now();
  const finished = connection.finish(10_000);
  while (performance.now() - start < 300) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.arrive("x");
  }
  const closes = socket.closes;
  socket.arrive(null);
  await within("the end", finished);
  assertEquals(closes, 0);
});

test("blocking: the timeout is the socket's, and closes the connection", async () => {
  for (
    const call of [
      (c: SocketConnection) => read(c),
      (c: SocketConnection) => c.write(bytes("x")),
    ]
  ) {
    const { socket, connection } = open("blocking");
    socket.take = () => 0;
    connection.setIdleTimeout(1500);
    assertEquals(socket.timeouts, [1500]);
    assertEquals(await code(call(connection)), "ETIMEDOUT");
    assertEquals([connection.closedBy, socket.closes], ["ETIMEDOUT", 1]);
    assertEquals(await code(read(connection)), "ETIMEDOUT");
    assertEquals(await code(connection.write(bytes("x"))), "ETIMEDOUT");
    assertEquals(await code(connection.closeWrite()), "ETIMEDOUT");
  }
});

test("blocking: what is left of linger is the timeout of each read that discards", async () => {
  const { socket, connection } = open("blocking");
  connection.setIdleTimeout(60_000);
  socket.arrive("a", "b");
  await within("the end", connection.finish(5000));
  const [idle, ...left] = socket.timeouts;
  assertEquals(idle, 60_000);
  assertEquals(left.length, 3);
  assert(left.every((ms, i) => ms > 0 && ms <= (left[i - 1] ?? 5000)), left.join());
  assertEquals(connection.closedBy, "EBADF");
});
