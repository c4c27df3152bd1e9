/**
 * Traps of the runtimes that no other test would show: docs/runtimes.md has the
 * table of them, with their tests.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { serve } from "../../mod.ts";
import { SystemError } from "../../src/connection/errors.ts";
import { EpollLoop } from "../../src/posix/epoll_loop.ts";
import { Libc } from "../../src/posix/libc.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../../src/runtime.ts";
import { detect } from "../../src/runtimes/detect.ts";
import { Client, until, within } from "../tools/client.ts";
import { CLI, Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";
import { test } from "../tools/unit.ts";

const runtime = await detect();
const ANYWHERE = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

type Fakes = Record<string, (...args: never[]) => unknown>;

/** A runtime whose C library is made of fakes; what is not given returns 0. */
function withLibrary(fakes: Fakes, errno: () => number = () => 0): Runtime & { opened: number } {
  const fake = {
    ...runtime,
    opened: 0,
    openLibrary(): ForeignLibrary {
      fake.opened++;
      return {
        functions: new Proxy(fakes, { get: (all, name: string) => all[name] ?? (() => 0) }),
        readInt32: errno,
        close: () => fake.opened--,
      };
    },
  };
  return fake;
}

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

/** Runtimes ignore SIGPIPE; a program that loads Trivet may not. */
const SIGPIPE_ENDS = `
const { Libc } = await import(${JSON.stringify(import.meta.resolve("../../src/posix/libc.ts"))});
const { detect } = await import(${
  JSON.stringify(import.meta.resolve("../../src/runtimes/detect.ts"))
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

Deno.test("writing to who has left is EPIPE, and no signal ends the process", async () => {
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
  const seldom = ["prctl", "malloc", "memcpy", "free"];
  const wide = Object.keys(all).filter((name) =>
    [...all[name].parameters, all[name].result].includes("u64")
  );
  assertEquals(wide.sort(), seldom.sort());
  return loop.end();
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
  const happened = (bytes: Uint8Array, descriptors: number[]) => {
    const size = runtime.arch === "x64" ? 3 : 4;
    const words = new Int32Array(bytes.buffer);
    descriptors.forEach((descriptor, i) => {
      words[i * size] = 1; // EPOLLIN
      words[i * size + size - 2] = descriptor;
    });
    return descriptors.length;
  };
  const waits = [[5]];
  const fake = withLibrary({
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
      while (!over && read[descriptor] < 10_000) await connection.read(new Uint8Array(8));
      over = true;
    })());
  }
  setTimeout(() => over = true, 20);
  await Promise.all(reading);
  assert(read[11] < 10_000 && read[12] < 10_000, "no timer had its turn");
  assert(read[11] > 10 && Math.abs(read[11] - read[12]) < 10, JSON.stringify(read));
  ended.resolve(0);
  await loop.end();
});

for (const name of ["bun", "node"] as const) {
  Deno.test(`${name}: what connect() gives can write on after the other side's FIN`, async () => {
    const upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const proxy = new URL("../../examples/proxy.ts", import.meta.url).href;
    const command = new Command(["serve", "--port", "0", "--handler", proxy], {
      env: { UPSTREAM: `127.0.0.1:${upstream.addr.port}` },
      program: [...(await target(name)).run, CLI],
    });
    const client = await Client.open(await command.ready());
    const conn = await upstream.accept();
    await conn.closeWrite();
    await client.receiveAll();
    await client.send("late");
    client.halfClose();
    assertEquals(await within("all", new Response(conn.readable).text()), "late");
    await until("it is closed", () => command.stderr.includes("\n- "));
    assertEquals(command.stderr.includes("error"), false, command.stderr);
    await client.close();
    upstream.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
  });
}

Deno.test("thread: the connection of a thread that ends by itself is closed, and its descriptor free", async () => {
  const dies = new URL("../handlers/closes_thread.ts", import.meta.url);
  const server = await serve({ model: "thread", port: 0, spares: 1, maxConnections: 1 }, dies);
  const once = async () => {
    const client = await Client.open(server.addr);
    await client.receiveAll();
    await client.close();
  };
  await once();
  const sockets = () =>
    [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
      } catch {
        return false; // that of the folder itself
      }
    }).length;
  const before = sockets();
  for (let i = 0; i < 3; i++) await once();
  await until(`${before} sockets again`, () => sockets() <= before);
  await within("the end", server.shutdown());
});

// Deno makes at most 32 calls in the background: one for each server were too many.
Deno.test("multiplex: of 40 servers in one process the last is served while all are idle", async () => {
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  const servers = [];
  for (let i = 0; i < 40; i++) servers.push(await serve({ model: "multiplex", port: 0 }));
  const client = await Client.open(servers[39].addr);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  await client.close();
  await within("the end", Promise.all(servers.map((server) => server.shutdown())));
  await until("the descriptors", () => [...Deno.readDirSync("/proc/self/fd")].length <= before);
});
