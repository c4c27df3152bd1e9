import { assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { EpollLoop } from "../../../src/posix/epoll_loop.ts";
import { Libc } from "../../../src/posix/libc.ts";
import type { ForeignFunctions, Runtime } from "../../../src/runtime.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { test } from "../../tools/unit.ts";
import { withLibrary } from "./fake_library.ts";

const runtime = await detect();
const ANYWHERE = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

test("all of a thread share one library, until the last of them is done", () => {
  const fake = withLibrary({});
  const [one, another] = [new Libc(fake), new Libc(fake)];
  assertEquals(fake.opened, 1, "each call is another function's in turn, and is not compiled");
  one.unload();
  assertEquals(fake.opened, 1);
  another.unload();
  assertEquals(fake.opened, 0);
  new Libc(fake).unload();
  assertEquals(fake.opened, 0);
});

test("a call that a signal interrupts is made again", () => {
  let interrupted = 0;
  const EINTR = 4;
  const once = (result: number) => {
    let first = true;
    return () => first ? (first = false, interrupted++, -1) : result;
  };
  const libc = new Libc(withLibrary(
    { recv: once(5), send: once(6), connect: once(-1) },
    () => EINTR,
  ));
  assertEquals(libc.receive(3, new Uint8Array(8)), 5);
  assertEquals(libc.send(3, new Uint8Array(8)), 6);
  // This one goes on by itself: to make it again would be EALREADY.
  assertEquals(libc.startConnect(ANYWHERE), 0);
  assertEquals(interrupted, 3);
  const accepting = new Libc(withLibrary({
    accept4: ((tries) => (_: number, address: Uint8Array) => {
      address.set([2, 0]); // AF_INET
      return tries++ === 0 ? -1 : 7;
    })(0),
  }, () => EINTR));
  assertEquals(accepting.accept(3, false)?.descriptor, 7);
});

test("whoever keeps the time of a call is told that a signal interrupted it", () => {
  const interrupt = () => -1;
  const fakes = { recv: interrupt, send: interrupt, sendmsg: interrupt, accept4: interrupt };
  const libc = new Libc(withLibrary(fakes, () => 4));
  assertEquals(libc.receive(3, new Uint8Array(8), 0, true), null);
  assertEquals(libc.send(3, new Uint8Array(8), 0, true), null);
  assertEquals(libc.sendPieces(3, [new Uint8Array(100)], true), null);
  assertEquals(libc.accept(3, false, 0, true), null, "a worker looks whether it shall leave");
  assertEquals(libc.wasInterrupted(), true);
});

/** Runtimes ignore SIGPIPE; a program that loads Trivet may not. */
const SIGPIPE_ENDS = `
const { Libc } = await import(${JSON.stringify(import.meta.resolve("../../../src/posix/libc.ts"))});
const { detect } = await import(${
  JSON.stringify(import.meta.resolve("../../../src/runtimes/detect.ts"))
});
const { signal } = Deno.dlopen("libc.so.6", {
  signal: { parameters: ["i32", "u64"], result: "u64" },
}).symbols;
signal(13, 0n);
const libc = new Libc(await detect());
const [ours, theirs] = libc.socketPair();
libc.close(theirs);
try {
  libc.send(ours, new Uint8Array(1));
} catch (error) {
  console.log(error.code);
}
`;

Deno.test("writing to a peer that has left is EPIPE, and no signal ends the process", async () => {
  const { stdout, signal } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", SIGPIPE_ENDS],
  }).output();
  assertEquals([new TextDecoder().decode(stdout), signal], ["EPIPE\n", null]);
});

// A 64-bit integer may be a BigInt, which is slow to make.
test("no call that is made for each message or connection takes a 64-bit integer", () => {
  const opened: ForeignFunctions[] = [];
  const keeping: Runtime = {
    ...runtime,
    openLibrary(functions) {
      opened.push(functions);
      return runtime.openLibrary(functions);
    },
  };
  const loop = new EpollLoop(keeping);
  const all = Object.assign({}, ...opened) as ForeignFunctions;
  const seldom = ["prctl", "recvmsg", "sendmsg", "memmove"];
  const wide = Object.keys(all).filter((name) =>
    [...all[name].parameters, all[name].result].includes("u64")
  );
  assertEquals(wide.sort(), seldom.sort());
  return loop.end();
});

test("several pieces go out in one call, which a signal may interrupt", () => {
  const libc = new Libc(runtime);
  const [ours, theirs] = libc.socketPair();
  const pieces = Array.from({ length: 70 }, (_, i) => new Uint8Array(100 + i).fill(i));
  const first = pieces.slice(0, 64).reduce((sum, piece) => sum + piece.length, 0);
  assertEquals(libc.sendPieces(ours, pieces.slice(0, 3)), 303);
  assertEquals(libc.sendPieces(ours, pieces), first, "more than the kernel is told of");
  const got = new Uint8Array(303 + first + 1);
  assertEquals(libc.receive(theirs, got), 303 + first);
  let at = 0;
  for (const piece of [...pieces.slice(0, 3), ...pieces.slice(0, 64)]) {
    assertEquals(got.subarray(at, at + piece.length), piece);
    at += piece.length;
  }
  libc.setNonblocking(ours);
  const large = [new Uint8Array(1 << 20), new Uint8Array(1 << 20)];
  while (libc.sendPieces(ours, large) !== null);
  libc.close(theirs);
  assertEquals(assertThrows(() => libc.sendPieces(ours, large), SystemError).code, "EPIPE");
  libc.close(ours);
  libc.unload();

  let calls = 0;
  const fake = { memmove: () => 0, sendmsg: () => ++calls === 1 ? -1 : 6 };
  assertEquals(new Libc(withLibrary(fake, () => 4)).sendPieces(3, large), 6);
  assertEquals(calls, 2);
});
