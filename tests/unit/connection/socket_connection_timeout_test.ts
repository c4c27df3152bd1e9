/** A connection on which no byte moves. */
import { assert, assertEquals } from "@std/assert";
import type { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { within } from "../../tools/client.ts";
import { bytes, heldUp, state, test } from "../../tools/unit.ts";
import { code, open, read } from "./over_fake_socket.ts";

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
    let last = start;
    connection.setIdleTimeout(200);
    while (last - start < 400) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      last = performance.now();
      if (direction === "written") await connection.write(bytes("x"));
      else {
        socket.arrive("x");
        await read(connection);
      }
    }
    assertEquals(connection.closedBy, null);
    assertEquals(await code(read(connection)), "ETIMEDOUT");
    assert(performance.now() - last >= 150, "it came too early");
  });
}

test("loop: a thread that is held up all the time ends whoever is idle all the same", async () => {
  const { connection } = open("loop");
  connection.setIdleTimeout(50);
  await heldUp(async () => {
    assertEquals(await code(within("its end", read(connection))), "ETIMEDOUT");
  });
  connection.close();
});

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
