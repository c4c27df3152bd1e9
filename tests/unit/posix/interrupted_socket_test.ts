/** Blocking calls that signals interrupt again and again: each begins the kernel's timeout anew. */
import { assertEquals, assertThrows } from "@std/assert";
import { errorCode } from "../../../src/connection/errors.ts";
import { BlockingSocket } from "../../../src/posix/blocking_socket.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { test, withClock } from "../../tools/unit.ts";
import { withLibrary } from "./fake_library.ts";

const EINTR = 4;
const NOWHERE = { transport: "unix", path: "" } as const;
const NOTHING = { firstByte: 0, minRate: 0, grace: 60_000 };

/** Runs with a socket whose calls a signal interrupts each 200 ms; returns how many there were. */
function interrupted(run: (socket: BlockingSocket) => void): number {
  let calls = 0;
  withClock((pass) => {
    const interrupt = () => {
      pass(200);
      if (++calls > 100) throw new Error("It goes on for ever");
      return -1;
    };
    const fakes = { recv: interrupt, send: interrupt, sendmsg: interrupt };
    const libc = new Libc(withLibrary(fakes, () => EINTR));
    const told = { receive: Infinity, send: Infinity };
    try {
      run(new BlockingSocket(libc, 3, NOWHERE, NOWHERE, told, () => {}));
    } finally {
      libc.unload();
    }
  });
  return calls;
}

const CALLS = {
  read: (socket: BlockingSocket) => socket.read(new Uint8Array(9)),
  write: (socket: BlockingSocket) => socket.write(new Uint8Array(9)),
  writePieces: (socket: BlockingSocket) => socket.writePieces([new Uint8Array(99)]),
};

for (const [name, call] of Object.entries(CALLS)) {
  const ends = (socket: BlockingSocket) =>
    assertEquals(errorCode(assertThrows(() => call(socket), Error)), "ETIMEDOUT");

  test(`a ${name} that signals interrupt all the time ends in time`, () => {
    // How long it took until the first signal, nobody knows.
    const idle = interrupted((socket) => {
      socket.setTimeout(1000);
      ends(socket);
    });
    assertEquals(idle, 6);
    const old = interrupted((socket) => {
      socket.setDeadline(1000);
      ends(socket);
    });
    assertEquals(old, 5);
    const limited = interrupted((socket) => {
      socket.setPeerLimits(NOTHING);
      socket.setTimeout(1000);
      ends(socket);
    });
    assertEquals(limited, 5);
  });
}

test("signals give the first byte no more time", () => {
  const calls = interrupted((socket) => {
    socket.setPeerLimits({ ...NOTHING, firstByte: 500 });
    const error = assertThrows(() => socket.read(new Uint8Array(9)), Error);
    assertEquals(error.message, "no first byte within 0.5 s");
  });
  assertEquals(calls, 3);
});
