/** The time of a message, and what is left when it is over. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Framed } from "../../../mod.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { settle, state, test, withClock } from "../../tools/unit.ts";
import { open } from "./over_fake_socket.ts";

test("a message that does not come in time rejects, and no byte of it is lost", async () => {
  const { socket, io } = open("loop");
  socket.arrive("on");
  const error = await assertRejects(() => io.readLine({ timeout: 1 }), DOMException, "1 ms");
  assertEquals(error.name, "TimeoutError");
  socket.arrive("e\ntwo\n");
  assertEquals(await io.readLine({ timeout: 60_000 }), "one");
  assertEquals(await io.readLine(), "two");
  assertEquals(socket.overlaps, 0);
});

test("the time is for the whole message, however often a byte comes", async () => {
  const { socket, io } = open("loop");
  const line = io.readLine({ timeout: 50 });
  const timer = setInterval(() => socket.arrive("x"), 1);
  const error = await assertRejects(() => line, DOMException);
  clearInterval(timer);
  assertEquals(error.name, "TimeoutError");
  socket.arrive("\n");
  assert(/^x+$/.test((await io.readLine())!));
});

test("what is there already is read, whatever the time", async () => {
  const { socket, io } = open("loop");
  socket.arrive("one\ntwo\n");
  assertEquals(await io.readLine(), "one");
  assertEquals(await io.readLine({ timeout: 0 }), "two");
  assertEquals(
    (await assertRejects(() => io.readLine({ timeout: -5 }), DOMException)).name,
    "TimeoutError",
  );
  await assertRejects(() => io.readLine({ timeout: NaN }), TypeError, "milliseconds");
});

test("a signal ends the wait with its reason, and nothing is left of it", async () => {
  const { socket, io } = open("loop");
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (
    ...args: Parameters<typeof add>
  ) => (listeners++, add.apply(signal, args));
  signal.removeEventListener = (
    ...args: Parameters<typeof add>
  ) => (listeners--, remove.apply(signal, args));
  socket.arrive("on");
  const waits = io.readLine({ signal });
  await settle();
  socket.arrive("e\n");
  assertEquals(await waits, "one");
  assertEquals(listeners, 0);
  const aborted = io.readLine({ signal });
  await settle();
  controller.abort(new RangeError("enough"));
  await assertRejects(() => aborted, RangeError, "enough");
  await assertRejects(() => io.readLine({ signal }), RangeError, "enough");
  socket.arrive("two\n");
  assertEquals(await io.readLine({ signal: new AbortController().signal }), "two");
});

test("reads that are given up, again and again, ask the socket once", async () => {
  const { socket, io } = open("loop");
  for (let i = 0; i < 5; i++) await assertRejects(() => io.peek(1, { timeout: 0 }), DOMException);
  assertEquals(socket.reads, 1);
  const filled = io.readExactly(new Uint8Array(3));
  socket.arrive("abc");
  assertEquals(new TextDecoder().decode(await filled), "abc");
  assertEquals(socket.reads, 1);
});

test("rest refuses while a read that was given up still waits", async () => {
  const { socket, io } = open("loop");
  await assertRejects(() => io.readLine({ timeout: 0 }), DOMException);
  assertEquals(await state(Promise.try(() => io.rest())), "EBUSY");
  socket.arrive("x");
  await settle();
  const buffer = new Uint8Array(9);
  assertEquals(await io.rest().read(buffer), 1);
});

test("a reset while nobody waits is told to whoever reads next", async () => {
  const { socket, io } = open("loop");
  await assertRejects(() => io.readLine({ timeout: 0 }), DOMException);
  socket.arrive(new Error("reset"));
  await settle();
  await assertRejects(() => io.readLine(), Error, "reset");
});

/** A socket that blocks, and whose peer sends something while somebody waits. */
function blocking(while_: (milliseconds: number) => string) {
  const socket = new FakeSocket("blocking");
  const waits: number[] = [];
  const waiting = Object.assign(socket, {
    waitReadable(milliseconds: number): boolean {
      waits.push(milliseconds);
      const text = milliseconds === 0 ? "" : while_(milliseconds);
      if (text) socket.arrive(text);
      return text !== "";
    },
  });
  return { socket, waits, io: new Framed(new SocketConnection(waiting)) };
}

test("where reads block, the kernel waits, and the message can be read later", async () => {
  const parts = ["on", ""];
  const { socket, io, error } = await withClock(async (pass) => {
    const { socket, io } = blocking((milliseconds) => {
      const part = parts.shift()!;
      if (part === "") pass(milliseconds);
      return part;
    });
    const error = await assertRejects(() => io.readLine({ timeout: 20 }), DOMException);
    return { socket, io, error };
  });
  assertEquals(error.name, "TimeoutError");
  socket.arrive("e\n");
  assertEquals(await io.readLine(), "one");
  assertEquals(socket.closes, 0);
});

test("where reads block, a wait that a signal of the system's ends goes on", async () => {
  const parts = ["", "", "one\n"];
  const { io, waits } = blocking(() => parts.shift()!);
  assertEquals(await io.readLine({ timeout: 60_000 }), "one");
  assert(waits.filter((ms) => ms > 0).length === 3);
});

test("where reads block, an AbortSignal is refused: nothing could abort it", async () => {
  const { io } = blocking(() => "");
  const { signal } = new AbortController();
  await assertRejects(() => io.readLine({ signal }), TypeError, "use a timeout");
});
