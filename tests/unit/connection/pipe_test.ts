/** Everything from one connection to another, over fakes. */
import { assertEquals } from "@std/assert";
import { pipe } from "../../../src/connection/pipe.ts";
import { within } from "../../tools/client.ts";
import { failure, settle, state, test } from "../../tools/unit.ts";
import { code, open } from "./over_fake_socket.ts";

test("loop: a pipe passes bytes on, then FIN, and leaves the other direction alone", async () => {
  const [from, to] = [open("loop"), open("loop")];
  from.socket.arrive("one", "two", null);
  await within("the pipe", pipe(from.connection, to.connection));
  assertEquals(to.socket.log, ["write one", "write two", "FIN"]);
  assertEquals([from.socket.closes, to.socket.closes], [0, 0]);
});

test("loop: a reset is passed on as a reset, after what came before it", async () => {
  const [from, to] = [open("loop"), open("loop")];
  from.socket.arrive("one", failure("ECONNRESET"));
  assertEquals(await code(pipe(from.connection, to.connection)), "ECONNRESET");
  assertEquals(to.socket.log, ["write one", "reset"]);
});

test("loop: where nothing is taken any more, the other one is reset", async () => {
  const [from, to] = [open("loop"), open("loop")];
  from.socket.arrive("one");
  to.socket.writeError = failure("EPIPE");
  assertEquals(await code(pipe(from.connection, to.connection)), "EPIPE");
  assertEquals(from.socket.log, ["read", "reset"]);
});

test("loop: a pipe reads no more than is taken", async () => {
  const [from, to] = [open("loop"), open("loop")];
  to.socket.take = () => 0;
  from.socket.arrive("one", "two");
  const piping = pipe(from.connection, to.connection);
  assertEquals([await state(piping), from.socket.reads], ["pending", 1]);
  to.socket.resume();
  await settle();
  assertEquals([to.socket.received, from.socket.reads], ["onetwo", 3]);
  from.socket.arrive(null);
  await within("the pipe", piping);
});

test("loop: a pipe's buffer grows while reads are full, and is small while it waits", async () => {
  const [from, to] = [open("loop"), open("loop")];
  const sizes: number[] = [];
  const { read } = from.connection;
  from.connection.read = (buffer) => {
    sizes.push(buffer.length);
    return read.call(from.connection, buffer);
  };
  from.socket.arrive("x".repeat(600 * 1024), "y");
  const piping = pipe(from.connection, to.connection);
  await settle();
  assertEquals(sizes.map((size) => size / 1024), [16, 64, 256, 256, 256, 16, 16]);
  from.socket.arrive(null);
  await within("the pipe", piping);
});

test("blocking: a pipe between two connections is refused in one line, and one to itself is not", async () => {
  const [from, to] = [open("blocking"), open("loop")];
  assertEquals(await code(pipe(from.connection, to.connection)), "ENOTSUP");
  assertEquals(await code(pipe(to.connection, from.connection)), "ENOTSUP");
  from.socket.arrive("one", null);
  await within("the pipe", pipe(from.connection, from.connection));
  assertEquals(from.socket.log, ["read", "write one", "read", "FIN"]);
});

test("loop: while nothing is taken, the end of where it comes from is passed on", async () => {
  for (const why of ["ETIMEDOUT", "EBADF", "ECONNRESET"]) {
    const [from, to] = [open("loop"), open("loop")];
    let onGone: (isReset: boolean) => void = () => {};
    Object.assign(from.socket, { onGone: (listener: typeof onGone) => void (onGone = listener) });
    void from.connection.gone;
    to.socket.take = () => 0;
    from.socket.arrive("one", "two");
    const piping = code(pipe(from.connection, to.connection));
    await settle();
    assertEquals(to.socket.closes, 0);
    onGone(false); // both directions have ended: what has come is still passed on
    assertEquals(to.socket.closes, 0);
    if (why === "ECONNRESET") onGone(true);
    else void from.connection.breakOff(0, why);
    assertEquals(await piping, why);
    assertEquals([from.socket.log.at(-1), to.socket.log], ["reset", ["reset"]]);
  }
});

test("loop: a pipe that has ended passes nothing on any more", async () => {
  const [from, to] = [open("loop"), open("loop")];
  from.socket.arrive(null);
  await within("the pipe", pipe(from.connection, to.connection));
  from.connection.reset();
  assertEquals(to.socket.log, ["FIN"]);
});
