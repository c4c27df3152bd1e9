/** What is asked of the peer of a connection on an event loop. */
import { assert, assertEquals } from "@std/assert";
import { delay } from "../../../src/connection/delay.ts";
import { bytes, heldUp, state, test } from "../../tools/unit.ts";
import { LoopPeerWatch } from "../../../src/connection/loop_peer_watch.ts";
import { DEADLINE, until, within } from "../../tools/client.ts";
import { code, open, read } from "./over_fake_socket.ts";

const FIRST = { firstByte: 50, minRate: 0, grace: 10_000 };

test("without a first byte in time a read that waits rejects with ETIMEDOUT, and what was wrong is known", async () => {
  const { socket, connection } = open("loop");
  connection.linger = 5;
  connection.setPeerLimits(FIRST);
  assertEquals(await code(read(connection)), "ETIMEDOUT");
  assertEquals([connection.closedBy, socket.lingers], ["ETIMEDOUT", [5]]);
  assertEquals(connection.slow?.message, "no first byte within 0.05 s");
});

test("after a first byte silence is no matter, nor is a handler that does not read", async () => {
  const { socket, connection } = open("loop");
  connection.setPeerLimits(FIRST);
  const other = open("loop");
  other.connection.setPeerLimits(FIRST);
  socket.arrive("x");
  assertEquals(await read(connection), "x");
  const pending = read(connection);
  await connection.write(bytes("y"));
  await delay(200);
  assertEquals([await state(pending), other.connection.closedBy], ["pending", null]);
  connection.close();
  await code(pending);
  // It reads at last, and nothing is there.
  assertEquals(await code(read(other.connection)), "ETIMEDOUT");
});

test("a thread that was held up reads first what came meanwhile", async () => {
  const { socket, connection } = open("loop");
  connection.setPeerLimits(FIRST);
  const pending = read(connection);
  setTimeout(() => socket.arrive("x"), 60);
  for (const end = performance.now() + 200; performance.now() < end;);
  assertEquals(await pending, "x");
  connection.close();
});

test("what waits unread when the handler reads at last is read before anybody is ended", async () => {
  // The look comes between the handler's read and the loop's.
  const looks = [{ reads: false, read: 0 }, { reads: true, read: 0 }, { reads: true, read: 5 }];
  const slow: unknown[] = [];
  const rest = { taken: 0, writes: false, delivered: null };
  const look = () => ({ ...(looks.length > 1 ? looks.shift()! : looks[0]), ...rest });
  const watch = new LoopPeerWatch(FIRST, look, (why) => slow.push(why));
  await until("the last look", () => looks.length === 1);
  await delay(50);
  watch.stop();
  assertEquals(slow, []);
});

test("a thread that is held up all the time ends whoever is silent all the same", async () => {
  const { connection } = open("loop");
  connection.setPeerLimits(FIRST);
  await heldUp(async () => {
    assertEquals(await code(within("its end", read(connection))), "ETIMEDOUT");
  });
  connection.close();
});

test("an end takes the timers along", async () => {
  const limits = { firstByte: 60_000, minRate: 100, grace: 60_000 };
  for (const how of ["close", "finish"] as const) {
    const { socket, connection } = open("loop");
    connection.setPeerLimits(limits);
    if (how === "close") connection.close();
    else {
      socket.arrive(null);
      await connection.finish(1000);
    }
    assert(connection.closedBy !== null);
  }
});

const RATE = { firstByte: 0, minRate: 100, grace: 100 };

test("a peer that sends the rest of its message byte by byte is ended, one that is answered is not", async () => {
  for (const answers of [false, true]) {
    const { socket, connection } = open("loop");
    connection.setPeerLimits(RATE);
    const end = performance.now() + (answers ? 500 : DEADLINE);
    const feeding = setInterval(() => socket.arrive("x"), 20);
    try {
      while (connection.closedBy === null && performance.now() < end) {
        await read(connection);
        if (answers) await connection.write(bytes("y"));
      }
    } catch {
      // It was ended.
    }
    clearInterval(feeding);
    assertEquals(connection.closedBy, answers ? null : "ETIMEDOUT");
    const why = "fewer than 100 bytes a second over 0.1 s";
    assertEquals(connection.slow?.message, answers ? undefined : why);
    connection.close();
  }
});

test("a write that waits needs bytes that come to the peer, whoever has taken them", async () => {
  for (const comes of [0, 1000]) {
    const { socket, connection } = open("loop");
    let delivered = 0;
    Object.assign(socket, { delivered: () => delivered += comes });
    socket.take = () => 0;
    connection.setPeerLimits(RATE);
    const writing = connection.write(bytes("x"));
    if (comes === 0) assertEquals(await code(writing), "ETIMEDOUT");
    else {
      await delay(400);
      assertEquals(await state(writing), "pending");
      connection.close();
      await code(writing);
    }
  }
});

test("what a write has brought when it is over counts too", async () => {
  const { socket, connection } = open("loop");
  let delivered = 0;
  Object.assign(socket, { delivered: () => delivered });
  connection.setPeerLimits(RATE);
  // It pauses for longer than between two looks, and then takes everything at once.
  for (let burst = 0; burst < 8; burst++) {
    socket.take = () => 0;
    const writing = connection.write(bytes("x"));
    await delay(45);
    delivered += 1_000_000;
    socket.resume();
    await writing;
    await delay(25);
  }
  assertEquals(connection.slow, null);
  connection.close();
});

test("who sends little while a long answer is on its way does not trickle", async () => {
  const { socket, connection } = open("loop");
  let delivered = 0;
  Object.assign(socket, { delivered: () => delivered += 10_000 });
  socket.take = () => 0; // some runtimes take a write as a whole, at its end
  connection.setPeerLimits(RATE);
  const writing = connection.write(bytes("x"));
  const feeding = setInterval(() => socket.arrive("x"), 20);
  for (const end = performance.now() + 400; performance.now() < end;) await read(connection);
  clearInterval(feeding);
  assertEquals(connection.slow, null);
  connection.close();
  await code(writing);
});
