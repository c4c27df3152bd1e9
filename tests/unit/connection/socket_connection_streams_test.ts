/** `readable` and `writable`. */
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { within } from "../../tools/client.ts";
import { bytes, failure, settle, state, test, text } from "../../tools/unit.ts";
import { code, open, read } from "./over_fake_socket.ts";

for (const kind of ["loop", "blocking"] as const) {
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
}

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
