/** A socket that blocks, over a C library that is a fake. */
import { assertEquals, assertRejects } from "@std/assert";
import { Framed } from "../../../mod.ts";
import { errorCode } from "../../../src/connection/errors.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { BlockingSocket } from "../../../src/posix/blocking_socket.ts";
import type { Libc } from "../../../src/posix/libc.ts";
import { test } from "../../tools/unit.ts";

test("whoever waits again and again for less than the idle timeout is idle all the same", async () => {
  // A clock of its own: a busy machine would let more time go by.
  const clock = performance.now;
  let now = clock.call(performance);
  performance.now = () => now;
  let comes = true;
  let releases = 0;
  const libc = {
    waitReadable(_: number, milliseconds: number): boolean {
      if (comes) return true;
      now += milliseconds;
      return false;
    },
    receive(_: number, buffer: Uint8Array): number {
      comes = false;
      buffer[0] = 0x78;
      return 1;
    },
    setTimeout() {},
    endBy() {},
    unacknowledged: () => 0,
  } as unknown as Libc;
  const end = { transport: "unix", path: "" } as const;
  const socket = new BlockingSocket(libc, 9, end, end, () => releases++);
  const connection = new SocketConnection(socket);
  connection.setIdleTimeout(100);
  const io = new Framed(connection);
  const wait = async () => {
    const error = await assertRejects(() => io.readLine({ timeout: 30 }), Error);
    return errorCode(error) ?? error.name;
  };
  // A byte that comes is one that has moved.
  for (let i = 0; i < 3; i++) {
    comes = true;
    assertEquals([await wait(), await wait()], ["TimeoutError", "TimeoutError"]);
  }
  assertEquals([await wait(), await wait(), releases], ["TimeoutError", "ETIMEDOUT", 1]);
  assertEquals(connection.closedBy, "ETIMEDOUT");
  performance.now = clock;
});
