/** The epoll loop that serves `multiplex` on Deno and Linux, over real sockets. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { EpollLoop } from "../../../src/posix/epoll_loop.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { encodeAddress } from "../../../src/posix/socket_address.ts";
import type { LoopListener } from "../../../src/runtime.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { openDescriptors, testAlone } from "../../tools/alone.ts";
import { Client, until, within } from "../../tools/client.ts";
import { delay, test } from "../../tools/unit.ts";
import { withLibrary } from "./fake_library.ts";

const runtime = await detect();
const ANYWHERE = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

async function withLoop(run: (listener: LoopListener) => Promise<void>): Promise<void> {
  const loop = new EpollLoop(runtime);
  const listener = loop.listen(ANYWHERE, 511);
  try {
    await run(listener);
  } finally {
    listener.close();
    await loop.end();
  }
}

/** What each descriptor is watched with: words of a struct epoll_event. */
const watched = new Map<number, Int32Array>();
const EVENT_WORDS = runtime.arch === "x64" ? 3 : 4;

/** The C library's, which remembers that. */
function epoll_ctl(_set: number, _what: number, descriptor: number, event: Uint8Array): number {
  watched.set(descriptor, new Int32Array(event.slice().buffer));
  return 0;
}

/** Writes what has happened as the kernel does: bytes to read, on each of the descriptors. */
function happened(bytes: Uint8Array, descriptors: number[]): number {
  const words = new Int32Array(bytes.buffer);
  words.fill(0); // the kernel may write there at once
  descriptors.forEach((descriptor, i) => {
    words.set(watched.get(descriptor)!, i * EVENT_WORDS);
    words[i * EVENT_WORDS] = 1; // EPOLLIN
  });
  return descriptors.length;
}

test("the epoll loop suits Deno on Linux, where it may open the C library", () => {
  assert(EpollLoop.suits(runtime));
  assert(!EpollLoop.suits({ ...runtime, loopIsFair: true }));
  assert(!EpollLoop.suits({ ...runtime, libraryRefusal: () => "no" }));
  assert(!EpollLoop.suits({ ...runtime, os: "darwin" }));
});

testAlone(
  import.meta.url,
  "an epoll loop gives back its descriptors, also while it waits",
  async () => {
    await withLoop(async () => {});
    const before = openDescriptors();
    for (let i = 0; i < 3; i++) {
      await withLoop(async (listener) => {
        const client = await Client.open(listener.addr);
        const connection = (await listener.accept())!;
        const reading = connection.read(new Uint8Array(4)).catch((error) => error.code);
        connection.close();
        assertEquals(await reading, "EBADF");
        const accepting = listener.accept();
        listener.close();
        assertEquals(await accepting, null);
        await client.close();
      });
    }
    await until(`${before} descriptors again`, () => openDescriptors() <= before);
  },
);

test("the wait that is under way counts when somebody first wants to know of it", async () => {
  const loop = EpollLoop.share(runtime)!;
  const listener = loop.listen(ANYWHERE, 511);
  const accepting = listener.accept();
  await delay(20); // it waits
  const before = EpollLoop.idleOf(runtime)!;
  await delay(50);
  assert(EpollLoop.idleOf(runtime)! - before > 25);
  listener.close();
  await accepting;
  await loop.end();
});

/**
 * A loop on which message comes upon message, but that each long wait takes 4 ms and then
 * brings another message, or none: that comes by the background.
 */
function swiftLoop(brings: "a message" | "none") {
  const [OPEN, PAUSE, PAUSES] = [7, 4, 7];
  /** Nanoseconds of each wait. */
  const waits: number[] = [];
  let pauses = 0;
  let first = true;
  const ended = Promise.withResolvers<number>();
  const isOver = () => pauses === PAUSES;
  const fake = withLibrary({
    epoll_ctl,
    syscall(_: number, _set: number, bytes: Uint8Array, _size: number, time: Uint8Array) {
      if (isOver()) return 0;
      const nanoseconds = new Uint32Array(time.buffer, 8, 1)[0];
      waits.push(nanoseconds);
      if (nanoseconds < PAUSE * 1e6) return happened(bytes, [OPEN]);
      pauses++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
      return brings === "none" ? 0 : happened(bytes, [OPEN]);
    },
    epoll_wait_in_background(_: number, bytes: Uint8Array) {
      if (isOver() || (brings === "a message" && !first)) return ended.promise;
      first = false;
      return Promise.resolve(happened(bytes, [OPEN]));
    },
  }, () => 11); // EAGAIN
  const loop = EpollLoop.share(fake)!;
  EpollLoop.idleOf(fake); // somebody wants to know
  loop.watch(OPEN, { happened() {}, proceed() {} });
  return {
    /** How many waits came before each long one. */
    between: () => waits.join().split(/,?\d{7},?/).map((short) => short.split(",").length),
    pauses: () => pauses,
    isOver,
    waited: () => EpollLoop.idleOf(fake)! / (PAUSE * PAUSES),
    end() {
      ended.resolve(0);
      return loop.end();
    },
  };
}

test("a pause where message comes upon message counts as a wait, and timers wait for one", async () => {
  const loop = swiftLoop("a message");
  let most = 0;
  for (let before = 0; !loop.isOver(); before = loop.pauses()) {
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, loop.pauses() - before);
  }
  assertEquals(most, 1);
  assert(loop.waited() > 0.9, `${loop.waited()} of the pauses`);
  await loop.end();
});

for (const brings of ["a message", "none"] as const) {
  test(`a pause that was in vain, and brought ${brings}, comes half as often`, async () => {
    const loop = swiftLoop(brings);
    await until("all pauses", loop.isOver);
    await loop.end();
    const between = loop.between().slice(0, 7);
    between.forEach((waits, i) => assert(waits >= 8 * 2 ** i, between.join()));
  });
}

test("an event of a descriptor that is closed is not told to the next with its number", async () => {
  const NUMBER = 7;
  const fetched = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<number>();
  const waits = [fetched.promise, ended.promise];
  let memory: Uint8Array = new Uint8Array();
  const fake = withLibrary({
    epoll_ctl,
    epoll_wait_in_background: (_: number, bytes: Uint8Array) => (memory = bytes, waits.shift()),
  }, () => 11); // EAGAIN
  const loop = EpollLoop.share(fake)!;
  const told: string[] = [];
  const watcher = (name: string) => ({ happened: () => void told.push(name), proceed() {} });
  loop.watch(NUMBER, watcher("the first"));
  happened(memory, [NUMBER]);
  loop.close(NUMBER);
  loop.watch(NUMBER, watcher("the second"));
  fetched.resolve(1);
  await until("the next wait", () => waits.length === 0);
  assertEquals(told, []);
  ended.resolve(happened(memory, [NUMBER]));
  await until("its own event", () => told.length > 0);
  assertEquals(told, ["the second"]);
  await loop.end();
});

test("a byte and a FIN that came before the read are both read", async () => {
  await withLoop(async (listener) => {
    const client = await Client.open(listener.addr);
    const connection = (await listener.accept())!;
    await client.send("x");
    client.socket.end();
    const buffer = new Uint8Array(8);
    await new Promise((resolve) => setTimeout(resolve, 20)); // both are there
    assertEquals(await within("the byte", connection.read(buffer)), 1);
    assertEquals(await within("the end", connection.read(buffer)), null);
    connection.close();
    await client.close();
  });
});

test("what is longer than the buffer is read on without another event", async () => {
  await withLoop(async (listener) => {
    const client = await Client.open(listener.addr);
    const connection = (await listener.accept())!;
    await client.send("0123456789");
    const buffer = new Uint8Array(4);
    const lengths = [];
    for (let i = 0; i < 3; i++) lengths.push(await within("a part", connection.read(buffer)));
    assertEquals(lengths, [4, 4, 2]);
    connection.close();
    await client.close();
  });
});

test("what comes behind urgent data is read without another event", async () => {
  const MSG_OOB = 1;
  await withLoop(async (listener) => {
    const libc = new Libc(runtime);
    const { AF_INET, SOCK_STREAM } = libc.constants;
    const client = libc.functions.socket(AF_INET, SOCK_STREAM, 0);
    const address = encodeAddress(listener.addr, libc.constants);
    assertEquals(libc.functions.connect(client, address, address.length), 0);
    const connection = (await listener.accept())!;
    for (const [text, flag] of [["abc", 0], ["!", MSG_OOB], ["ABOR", 0]] as const) {
      libc.functions.send(client, new TextEncoder().encode(text), text.length, flag);
    }
    await delay(20); // all is there
    const buffer = new Uint8Array(8);
    assertEquals(await within("what came before", connection.read(buffer)), 3);
    assertEquals(await within("what came behind", connection.read(buffer)), 4);
    libc.close(client);
    connection.close();
    libc.unload();
  });
});

test("a write that the kernel has no room for goes on when there is room", async () => {
  await withLoop(async (listener) => {
    const client = await Client.open(listener.addr);
    client.socket.pause();
    const connection = (await listener.accept())!;
    const bytes = new Uint8Array(8 << 20).fill(7);
    let written = false;
    const writing = connection.write(bytes).then(() => written = true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert(!written, "8 MiB went out although nobody reads");
    client.socket.resume();
    await within("the write", writing);
    await connection.closeWrite();
    assertEquals((await client.receiveAll()).length, bytes.length);
    connection.close();
    await client.close();
  });
});

// A wait whose handling started the next one lost the events that were not handled yet.
test("each event of one wait is told, though a client is accepted first", async () => {
  const [LISTENER, OPEN, NEW] = [5, 6, 7];
  let accepted = 0;
  const waits = [[LISTENER], [LISTENER, OPEN]];
  const ended = Promise.withResolvers<number>();
  const address = (bytes: Uint8Array) => bytes.set([2, 0]); // AF_INET
  const fake = withLibrary({
    epoll_ctl,
    accept4: (_: number, bytes: Uint8Array) => (address(bytes), [OPEN, -1, NEW, -1][accepted++]),
    getsockname: (_: number, bytes: Uint8Array) => (address(bytes), 0),
    socket: () => LISTENER,
    recv: () => 1,
    syscall: () => 0,
    epoll_wait_in_background: (_: number, bytes: Uint8Array) => {
      const next = waits.shift();
      return next ? Promise.resolve(happened(bytes, next)) : ended.promise;
    },
  }, () => 11); // EAGAIN
  const loop = new EpollLoop(fake);
  const listener = loop.listen(ANYWHERE, 1);
  const first = (await within("the first client", listener.accept()))!;
  const reading = first.read(new Uint8Array(8));
  await within("the second client", listener.accept());
  assertEquals(await within("the byte of the first client", reading), 1);
  ended.resolve(0);
  await loop.end();
});

test("an epoll loop that cannot be made gives its libraries back", () => {
  const fake = withLibrary({ epoll_create1: () => -1, eventfd: () => -1 });
  assertThrows(() => new EpollLoop(fake), SystemError);
  assertEquals(fake.opened, 0);
});

test("of two streams without end each is read as often, and timers have their turn", async () => {
  const clients = [11, 12];
  let over = false;
  const address = (bytes: Uint8Array) => bytes.set([2, 0]); // AF_INET
  const read: Record<number, number> = { 11: 0, 12: 0 };
  const ended = Promise.withResolvers<number>();
  const waits = [[5]];
  const fake = withLibrary({
    epoll_ctl,
    socket: () => 5,
    accept4: (_: number, bytes: Uint8Array) => (address(bytes), clients.shift() ?? -1),
    getsockname: (_: number, bytes: Uint8Array) => (address(bytes), 0),
    recv: (descriptor: number, bytes: Uint8Array) => (read[descriptor]++, bytes.length),
    syscall: (_: number, _set: number, bytes: Uint8Array) => happened(bytes, over ? [] : [11, 12]),
    epoll_wait_in_background: (_: number, bytes: Uint8Array) => {
      const next = waits.shift();
      return next ? Promise.resolve(happened(bytes, next)) : ended.promise;
    },
  }, () => 11); // EAGAIN
  const loop = new EpollLoop(fake);
  const listener = loop.listen(ANYWHERE, 1);
  const reading = [];
  for (const descriptor of [11, 12]) {
    const connection = (await within("a client", listener.accept()))!;
    reading.push((async () => {
      while (!over && read[descriptor] < 1_000_000) await connection.read(new Uint8Array(8));
      over = true;
    })());
  }
  // A pause of the machine is no time in which they read.
  const look = () => {
    over ||= read[11] + read[12] > 40;
    if (!over) setTimeout(look, 20);
  };
  setTimeout(look, 20);
  await Promise.all(reading);
  assert(read[11] < 1_000_000 && read[12] < 1_000_000, "no timer had its turn");
  assert(read[11] > 10 && Math.abs(read[11] - read[12]) < 10, JSON.stringify(read));
  ended.resolve(0);
  await loop.end();
});
