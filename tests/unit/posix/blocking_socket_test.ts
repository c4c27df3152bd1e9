/** A socket that blocks, over a C library that is a fake. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Framed } from "../../../mod.ts";
import { errorCode } from "../../../src/connection/errors.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { BlockingSocket } from "../../../src/posix/blocking_socket.ts";
import type { Libc } from "../../../src/posix/libc.ts";
import { test, withClock } from "../../tools/unit.ts";

/** @param receive milliseconds after which the kernel ends a receive */
function socketOver(libc: Libc, receive: number, release: () => void): BlockingSocket {
  const end = { transport: "unix", path: "" } as const;
  return new BlockingSocket(libc, 9, end, end, { receive, send: Infinity }, release);
}

test("whoever waits again and again for less than the idle timeout is idle all the same", () =>
  withClock(async (pass) => {
    let comes = true;
    let releases = 0;
    const libc = {
      waitReadable(_: number, milliseconds: number): boolean {
        if (comes) return true;
        pass(milliseconds);
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
      wasInterrupted: () => false,
    } as unknown as Libc;
    const socket = socketOver(libc, Infinity, () => releases++);
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
  }));

/** A socket, and what the kernel is asked; `answers` are what its receives bring, or send's null. */
function recorded(inherited: number, ...answers: (number | null)[]) {
  const calls: string[] = [];
  const next = (name: string) => {
    calls.push(name);
    return answers.shift() ?? null;
  };
  const libc = {
    receive: () => next("receive"),
    send: () => next("send"),
    setTimeout: (_: number, call: string, milliseconds: number) =>
      calls.push(`${call} ${milliseconds}`),
    endBy: (_: number, how: string) => calls.push(how),
    shutdown: () => calls.push("shutdown"),
    wasInterrupted: () => false,
  } as unknown as Libc;
  const socket = socketOver(libc, inherited, () => calls.push("close"));
  return { calls, socket };
}

test("a short connection costs no call about time", async () => {
  const { calls, socket } = recorded(1000, 5, 5, 0);
  const connection = new SocketConnection(socket);
  await connection.read(new Uint8Array(9));
  await connection.write(new Uint8Array(5));
  await connection.finish(2000);
  assertEquals(calls, ["receive", "send", "FIN", "shutdown", "receive", "close"]);
});

test("a read that may take longer than the listening socket's timeout goes on after it", () => {
  const { calls, socket } = recorded(1000, null, 5, 0);
  assertEquals(socket.read(new Uint8Array(9)), 5);
  assertEquals(socket.read(new Uint8Array(9)), null);
  assertEquals(calls, ["receive", "receive 0", "receive", "receive"]);
});

test("a read that may take less, or little more, ends in time", () => {
  const { calls, socket } = recorded(1000);
  const reads = (code: string, ...told: string[]) => {
    calls.length = 0;
    const error = assertThrows(() => socket.read(new Uint8Array(9)), Error);
    assertEquals([errorCode(error), ...calls], [code, ...told]);
  };
  socket.setTimeout(1500);
  reads("ETIMEDOUT", "receive", "receive 500", "receive");
  socket.setTimeout(300);
  reads("ETIMEDOUT", "receive 300", "receive");
  reads("ETIMEDOUT", "receive");
});

test("a write after a deadline that is no more takes any time", () => {
  const { calls, socket } = recorded(1000, 5, null, 5);
  socket.setDeadline(60_000);
  socket.write(new Uint8Array(5));
  assertEquals(calls.length, 2);
  socket.setDeadline(0);
  assertEquals(socket.write(new Uint8Array(5)), 5);
  assertEquals(calls.slice(2), ["send", "send 0", "send"]);
});
