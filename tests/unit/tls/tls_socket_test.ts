/** A socket over an engine: what is given on, what waits, and how it ends. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import type { TlsEngine, TlsEvents } from "../../../src/tls/tls_engine.ts";
import { TlsSocket } from "../../../src/tls/tls_socket.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { bytes, failure, settle, test, text } from "../../tools/unit.ts";

const INFO = { protocol: "TLSv1.3", cipher: "x", servername: null, alpn: null, peer: null };

/** "Encrypts" by brackets; `!` is the handshake, `k` is answered, `.` is close_notify, `?` is what fails. */
class FakeEngine implements TlsEngine {
  readonly endsBoth: boolean = false;
  destroyed = false;
  /** Takes writes later, when they are asked for. */
  holds = false;
  readonly held: (() => void)[] = [];
  readonly events: TlsEvents;
  constructor(events: TlsEvents) {
    this.events = events;
  }
  receive(received: Uint8Array): void {
    for (const char of text(received)) {
      if (char === "!") this.events.secure(INFO);
      else if (char === ".") this.events.ended();
      else if (char === "~") continue; // a part of a record
      else if (char === "k") this.events.send(new Uint8Array(1024)); // an answer of its own
      else if (char === "?") this.events.failed(new Error("error:0A:SSL routines:f:bad_record"));
      else this.events.data(bytes(char));
    }
  }
  write(written: Uint8Array, done: () => void): void {
    const take = () => {
      this.events.send(bytes(`<${text(written)}>`));
      done();
    };
    if (this.holds) this.held.push(take);
    else take();
  }
  end(done: () => void): void {
    this.events.send(bytes("."));
    done();
  }
  destroy(): void {
    this.destroyed = true;
  }
}

async function open(): Promise<{ raw: FakeSocket; engine: FakeEngine; socket: TlsSocket }> {
  const raw = new FakeSocket("loop");
  let engine!: FakeEngine;
  const socket = new TlsSocket(raw, (events) => engine = new FakeEngine(events));
  const shaken = socket.handshake();
  raw.arrive("!");
  assertEquals(await shaken, INFO);
  return { raw, engine, socket };
}

async function read(socket: TlsSocket, size = 10): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const length = await socket.read(buffer);
  return length === null ? null : text(buffer.subarray(0, length));
}

test("bytes come decrypted, go encrypted, and what came first is given first", async () => {
  const { raw, socket } = await open();
  raw.arrive("ab", "c");
  assertEquals(await read(socket), "a");
  assertEquals(await read(socket), "b");
  assertEquals(await read(socket), "c");
  assertEquals(await socket.write(bytes("hello")), 5);
  assertEquals(raw.received, "<hello>");
});

test("what came with the handshake is the connection's", async () => {
  const raw = new FakeSocket("loop");
  const socket = new TlsSocket(raw, (events) => new FakeEngine(events));
  await socket.handshake(bytes("!x"));
  assertEquals(await read(socket), "x");
});

test("nothing is read of the socket below while nobody asks", async () => {
  const { raw, socket } = await open();
  const { reads } = raw;
  await settle();
  assertEquals(raw.reads, reads);
  const reading = read(socket);
  assertEquals(raw.reads, reads + 1);
  raw.arrive("x");
  assertEquals(await reading, "x");
  await settle();
  assertEquals(raw.reads, reads + 1);
});

test("a write waits until the socket below has taken all of it", async () => {
  const { raw, socket } = await open();
  raw.take = () => 0;
  let isDone = false;
  const writing = Promise.resolve(socket.write(bytes("hello"))).then((length) => {
    isDone = true;
    return length;
  });
  await settle();
  assertEquals(isDone, false);
  raw.resume();
  assertEquals(await writing, 5);
  assertEquals(raw.received, "<hello>");
});

test("a write waits for an engine that takes it later", async () => {
  const { raw, engine, socket } = await open();
  engine.holds = true;
  const writing = Promise.resolve(socket.write(bytes("hello")));
  await settle();
  assertEquals(raw.received, "");
  engine.held.shift()!();
  assertEquals(await writing, 5);
  assertEquals(raw.received, "<hello>");
});

test("an end that was said is one, and stays one", async () => {
  const { raw, socket } = await open();
  raw.arrive("x.", null);
  assertEquals(await read(socket), "x");
  assertEquals(await read(socket), null);
  assertEquals(await read(socket), null);
});

test("an end that nobody has said is an error, after what came", async () => {
  const { raw, socket } = await open();
  raw.arrive("x", null);
  assertEquals(await read(socket), "x");
  const error = await assertRejects(() => read(socket), SystemError, "close_notify");
  assertEquals(error.code, "EPROTO");
});

test("this end is said, and then FIN is sent", async () => {
  const { raw, socket } = await open();
  await socket.closeWrite();
  assertEquals(raw.received, ".");
  assertEquals(raw.fins, 1);
  raw.arrive("late"); // the other direction goes on
  assertEquals(await read(socket), "l");
});

test("an engine that fails ends reads and writes with what it says", async () => {
  const { raw, engine, socket } = await open();
  const reading = read(socket);
  raw.arrive("?");
  await assertRejects(() => reading, SystemError, "TLS has failed: bad record");
  assertThrows(() => socket.write(bytes("x")), SystemError, "bad record");
  assertEquals(engine.destroyed, true);
});

test("a reset of the socket below is the reader's", async () => {
  const { raw, socket } = await open();
  raw.arrive(failure("ECONNRESET"));
  const error = await assertRejects(() => read(socket), SystemError);
  assertEquals(error.code, "ECONNRESET");
});

test("a handshake ends with the socket below", async () => {
  for (const [end, code] of [[null, "EPROTO"], [failure("ECONNRESET"), "ECONNRESET"]] as const) {
    const raw = new FakeSocket("loop");
    const socket = new TlsSocket(raw, (events) => new FakeEngine(events));
    const shaken = socket.handshake();
    raw.arrive(end);
    const error = await assertRejects(() => shaken, SystemError);
    assertEquals(error.code, code);
  }
});

test("closing lets the engine go, and ends whoever waits", async () => {
  const { raw, engine, socket } = await open();
  const reading = read(socket);
  const rejected = assertRejects(() => reading, SystemError);
  socket.close();
  await rejected;
  assertEquals([raw.closes, engine.destroyed], [1, true]);
});

test("an engine that ends both directions gets a record when it is asked for", async () => {
  const raw = new FakeSocket("loop");
  const given: string[] = [];
  class OneByOne extends FakeEngine {
    override readonly endsBoth = true;
    override receive(record: Uint8Array): void {
      given.push(text(record.subarray(5)));
      super.receive(record.subarray(5));
    }
  }
  const socket = new TlsSocket(raw, (events) => new OneByOne(events));
  const record = (data: string) => `\x17\x03\x03\x00${String.fromCharCode(data.length)}${data}`;
  await socket.handshake(bytes(record("!")));
  raw.arrive(record("a") + record("b") + record("."), null);
  assertEquals(await read(socket), "a");
  await settle();
  assertEquals(given, ["!", "a"]);
  assertEquals(await read(socket), "b");
  assertEquals(await socket.write(bytes("answer")), 6);
  assertEquals(await read(socket), null);
  assertEquals(given, ["!", "a", "b", "."]);
});

test("nothing is read while what the engine answers by itself waits for a peer that does not read", async () => {
  const { raw, socket } = await open();
  raw.take = () => 0;
  const reading = read(socket);
  raw.arrive(...Array<string>(1000).fill("k"), "x");
  for (let i = 0; i < 300; i++) await settle();
  assert(raw.reads < 100, `${raw.reads} reads`);
  raw.resume();
  assertEquals(await reading, "x");
  await settle();
  assertEquals(raw.received.length, 1000 * 1024);
});

test("a record that comes slowly is a peer that is not idle", async () => {
  const { raw, socket } = await open();
  let moved = 0;
  socket.onMoved = () => moved++;
  const reading = read(socket);
  for (let i = 0; i < 3; i++) {
    raw.arrive("~");
    await settle();
  }
  assertEquals(moved, 3);
  raw.arrive("x");
  assertEquals(await reading, "x");
});
