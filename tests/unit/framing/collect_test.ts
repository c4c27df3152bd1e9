/** What is written, at once and held back. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { bytes, failure, settle, state, test, unhandled } from "../../tools/unit.ts";
import { open } from "./over_fake_socket.ts";

const writes = (log: readonly string[]) => log.filter((line) => line.startsWith("write"));

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: a line, a frame and pieces are one write each`, async () => {
    const { socket, io } = open(kind);
    await io.writeLine("grüße");
    await io.writeLine(bytes("x"), "\r\n");
    await io.writeFrame("ab");
    await io.writeFrame(bytes("c"), { bytes: 2, littleEndian: true, includesHeader: true });
    await io.write("1", bytes("2"), "", "3");
    await io.write();
    assertEquals(writes(socket.log), [
      "write gr\xc3\xbc\xc3\x9fe\n",
      "write x\r\n",
      "write \0\0\0\x02ab",
      "write \x03\0c",
      "write 123",
    ]);
  });

  test(`${kind}: answers to what came together are one write, before a read waits`, async () => {
    const { socket, io } = open(kind, { collect: true });
    socket.arrive("1\n2\n3\n", "4\n", null);
    for await (const line of io.lines()) await io.writeLine(`<${line}>`);
    assertEquals(writes(socket.log), ["write <1>\n<2>\n<3>\n", "write <4>\n"]);
  });

  test(`${kind}: what is held back goes out at the handler's end, and with flush`, async () => {
    const { socket, io, connection } = open(kind, { collect: true });
    await io.write("a", "b");
    assertEquals(socket.received, "");
    await io.flush();
    assertEquals(socket.received, "ab");
    await io.write("last");
    socket.arrive(null);
    await connection.finish(100);
    assertEquals(socket.log.slice(-4), ["write last", "FIN", "read", "close"]);
  });

  test(`${kind}: an error at the handler's end is the connection's, and nobody's else`, async () => {
    const { socket, io, connection } = open(kind, { collect: true });
    socket.writeError = failure("ECONNRESET");
    await io.write("a");
    assertEquals(
      await unhandled(async () => assertEquals(await state(connection.finish(10)), "ECONNRESET")),
      [],
    );
    await settle();
  });
}

test("more than 64 KiB are not held back, and a large piece is not copied", async () => {
  const { socket, io } = open("loop", { collect: true });
  const piece = "x".repeat(1000);
  for (let i = 0; i < 65; i++) await io.write(piece);
  assertEquals(socket.received.length, 0);
  await io.write(piece);
  assertEquals(socket.received.length, 66_000);
  const large = new Uint8Array(100_000);
  await io.write("before");
  await io.write("head", large, "tail");
  assertEquals(socket.received.length, 66_000 + "beforehead".length + large.length + 4);
  assert(socket.received.endsWith("\0tail"));
});

test("while the peer does not read, a write that is too much waits, and so does a read", async () => {
  const { socket, io } = open("loop", { collect: true });
  socket.take = () => 0;
  assertEquals(await state(io.write("x".repeat(60_000))), "resolved");
  const much = io.write("y".repeat(10_000));
  assertEquals(await state(much), "pending");
  const line = io.readLine();
  assertEquals(await state(io.write("z")), "resolved");
  socket.resume();
  await much;
  socket.arrive("line\n");
  assertEquals(await line, "line");
  await io.flush();
  assertEquals(socket.received.length, 70_001);
});

test("what is held back keeps its order around closeWrite", async () => {
  const { socket, io, connection } = open("loop", { collect: true });
  await io.write("a");
  await connection.closeWrite();
  assertEquals(socket.log, ["write a", "FIN"]);
  await io.write("b");
  assertEquals(await state(io.flush()), "EPIPE");
});

test("what is held back goes out before a handler's error resets the connection", async () => {
  const { socket, io, connection } = open("loop", { collect: true });
  await io.write("answer");
  await connection.abort();
  assertEquals(socket.log, ["write answer", "reset"]);
});

test("an error of a write that was held back comes with the next read", async () => {
  const { socket, io } = open("loop", { collect: true });
  socket.writeError = failure("ECONNRESET");
  await io.write("a");
  assertEquals(await state(io.readLine()), "ECONNRESET");
});

for (const collect of [true, false]) {
  test(`writes that nobody awaits end the connection before memory does, collect: ${collect}`, () => {
    const { socket, io } = open("loop", { collect });
    socket.take = () => 0;
    const text = "x".repeat(1000);
    const piece = new Uint8Array(1 << 20);
    const write = collect ? () => io.writeFrame(text) : () => io.write("head", piece);
    const error = assertThrows(() => {
      for (let i = 0; i < (collect ? 500_000 : 1000); i++) void write();
    }, SystemError);
    assertEquals([error.code, socket.closes], ["ENOBUFS", 1]);
  });
}

test("a failed write that was held back and that nobody awaited is nobody's else", async () => {
  const { socket, io } = open("loop", { collect: true });
  socket.writeError = failure("ECONNRESET");
  const write = () => {
    void io.write("x".repeat(70_000));
    void io.flush();
    void io.writeFrame("x".repeat(70_000));
  };
  assertEquals(await unhandled(write), []);
});

test("empty writes that are held back give way", async () => {
  const { io } = open("loop", { collect: true });
  let hadTurn = false;
  setTimeout(() => hadTurn = true, 0);
  for (let i = 0; i < 100_000 && !hadTurn; i++) await io.write("");
  assert(hadTurn, "a loop of empty writes kept the thread");
});

test("what cannot be written is a TypeError, and harms nothing", async () => {
  for (const collect of [true, false]) {
    const { socket, io } = open("loop", { collect });
    for (const wrong of [undefined, null, 5, [1], new Uint16Array(1)]) {
      await assertRejects(() => io.write("a", wrong as unknown as string), TypeError);
    }
    await assertRejects(() => io.writeLine("two\nlines"), TypeError, "newline");
    await assertRejects(() => io.writeLine(bytes("two\nlines")), TypeError, "newline");
    await assertRejects(() => io.writeFrame("x".repeat(256), { bytes: 1 }), RangeError, "256");
    await io.write("right");
    await io.flush();
    assertEquals(socket.received, "right");
  }
});
