/** What is asked of the peer of a socket that blocks, beside its other times. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { SlowPeer } from "../../../src/connection/slow_peer.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { BlockingPeer } from "../../../src/posix/blocking_peer.ts";
import { BlockingSocket } from "../../../src/posix/blocking_socket.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { bytes, test, withClock } from "../../tools/unit.ts";

const NOWHERE = { transport: "unix", path: "" } as const;
const NOTHING = { firstByte: 0, minRate: 0, grace: 60_000 };

/** Runs with a socket, and the descriptor of its peer. */
async function withSocket(
  run: (socket: BlockingSocket, peer: number, libc: Libc) => void | Promise<void>,
) {
  const libc = new Libc(await detect());
  const [descriptor, peer] = libc.socketPair();
  let isOpen = true;
  const socket = new BlockingSocket(
    libc,
    descriptor,
    NOWHERE,
    NOWHERE,
    { receive: NaN, send: NaN },
    () => {
      if (isOpen) libc.close(descriptor);
      isOpen = false;
    },
  );
  try {
    await run(socket, peer, libc);
  } finally {
    socket.close();
    libc.close(peer);
    libc.unload();
  }
}

function time(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

test("the first byte has its time, from then on nothing is asked", () =>
  withSocket((socket, peer, libc) => {
    const buffer = new Uint8Array(10);
    socket.setPeerLimits({ ...NOTHING, firstByte: 60_000 });
    assert(!socket.waitReadable(10), "nothing is there");
    const took = time(() => {
      socket.setPeerLimits({ ...NOTHING, firstByte: 100 });
      assert(socket.waitReadable(1000), "the read that follows ends in time");
      assertThrows(() => socket.read(buffer), SlowPeer, "first byte");
    });
    assert(took >= 90, `${took}`);
    // A byte that is there when it is too late is one.
    libc.send(peer, bytes("x"));
    assertEquals(socket.read(buffer), 1);
    socket.setTimeout(150);
    const error = assertThrows(() => socket.read(buffer), SystemError);
    assertEquals(error instanceof SlowPeer, false);
  }));

test("an idle timeout and a deadline hold beside it", () =>
  withSocket((socket) => {
    socket.setPeerLimits({ firstByte: 60_000, minRate: 1, grace: 60_000 });
    socket.setTimeout(50);
    assertThrows(() => socket.read(new Uint8Array(1)), SystemError, "No byte moved in time");
    socket.setTimeout(0);
    withClock((pass) => {
      socket.setDeadline(100);
      assertThrows(() => socket.read(new Uint8Array(1)), SystemError, "No byte moved in time");
      pass(100);
      assertThrows(() => socket.read(new Uint8Array(1)), SystemError, "open for too long");
    });
    socket.setDeadline(200);
    assertThrows(() => {
      for (;;) socket.write(new Uint8Array(65536));
    }, SystemError);
  }));

test("a peer that takes nothing is given up when the grace is over", () =>
  withSocket((socket) => {
    socket.setPeerLimits({ firstByte: 0, minRate: 1, grace: 100 });
    const took = time(() =>
      assertThrows(
        () => {
          for (;;) socket.write(new Uint8Array(65536));
        },
        SlowPeer,
        "fewer than 1 bytes a second over 0.1 s",
      )
    );
    assert(took >= 100, `${took}`);
  }));

test("what came with the bytes of a prelude is a first byte", () =>
  withSocket(async (socket) => {
    const connection = new SocketConnection(socket);
    connection.handOn(bytes("x"));
    connection.setPeerLimits({ ...NOTHING, firstByte: 50 });
    connection.setIdleTimeout(150);
    const buffer = new Uint8Array(10);
    assertEquals(await connection.read(buffer), 1);
    const error = await assertRejects(() => connection.read(buffer), SystemError);
    assertEquals([error.message, connection.slow], ["No byte moved in time", null]);
  }));

test("where it is not told what came to a peer, what the kernel takes counts", () => {
  const libc = {
    constants: { TCP_INFO: 0 },
    setTimeout: () => {},
    send(_: number, { length }: Uint8Array) {
      for (const end = performance.now() + 60; performance.now() < end;);
      return length;
    },
  } as unknown as Libc;
  const peer = new BlockingPeer(libc, 3, { firstByte: 0, minRate: 100, grace: 100 });
  for (let i = 0; i < 5; i++) assertEquals(peer.send(new Uint8Array(1000), Infinity), 1000);
});
