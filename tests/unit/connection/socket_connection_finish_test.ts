/** How a connection ends once its handler is done. */
import { assert, assertEquals } from "@std/assert";
import { within } from "../../tools/client.ts";
import { bytes, failure, settle, state, test, unhandled } from "../../tools/unit.ts";
import { code, open, read } from "./over_fake_socket.ts";

for (const kind of ["loop", "blocking"] as const) {
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
}

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
