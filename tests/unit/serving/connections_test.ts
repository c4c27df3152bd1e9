/** What happens between accept and close, in every model. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Address } from "../../../src/connection/connection.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import type { UntimedEvent } from "../../../src/events.ts";
import type { Handler } from "../../../src/handler/handler.ts";
import type { Prelude } from "../../../src/serving/prelude.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { Connections, type Source } from "../../../src/serving/connections.ts";
import { Refusals } from "../../../src/serving/refusals.ts";
import { until, within } from "../../tools/client.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { bytes, failure, settle, test, text } from "../../tools/unit.ts";

/** The clients that the test lets come. */
class Clients implements Source {
  /** How many have been told to have left. */
  gone = 0;
  readonly #waiting: (SocketConnection | null)[] = [];
  #asked: ((connection: SocketConnection | null) => void) | null = null;

  /** One comes; returns its socket. */
  come(): FakeSocket {
    const socket = new FakeSocket("loop");
    this.#give(new SocketConnection(socket));
    return socket;
  }

  close(): void {
    this.#give(null);
  }

  accept(): Promise<SocketConnection | null> {
    if (this.#waiting.length > 0) return Promise.resolve(this.#waiting.shift()!);
    return new Promise((resolve) => this.#asked = resolve);
  }

  left(): void {
    this.gone++;
  }

  #give(connection: SocketConnection | null): void {
    if (this.#asked) this.#asked(connection);
    else this.#waiting.push(connection);
    this.#asked = null;
  }
}

interface Options {
  handler?: Handler;
  preludes?: Prelude[];
  perSource?: number;
  limit?: number;
  lifetime?: number;
  drainSpread?: number;
}

/** An accept loop with clients of the test's. */
class Loop {
  readonly clients = new Clients();
  readonly events: UntimedEvent[] = [];
  /** What its worker's supervisor is told of preludes. */
  readonly preludes: string[] = [];
  readonly connections: Connections;
  readonly accepting: Promise<void>;

  constructor(options: Options = {}) {
    const onEvent = (event: UntimedEvent) => void this.events.push(event);
    this.connections = new Connections({
      runtime,
      settings: {
        model: "multiplex",
        linger: 10_000,
        idleTimeout: 0,
        connectionTimeout: 0,
        shutdownTimeout: 0,
        maxConnectionsPerWorker: 0,
        proxies: [null],
        tls: [null],
        access: null,
        messages: false,
        firstByteTimeout: 0,
        minRate: 0,
        minRateGrace: 10_000,
        drainSpread: options.drainSpread ?? 0,
      },
      handler: options.handler ?? (() => {}),
      worker: { kind: "main", id: 0 },
      limit: options.limit ?? Infinity,
      refusals: new Refusals({
        connections: Infinity,
        perSource: options.perSource ?? 0,
        onRefused: (remoteAddr, reason) =>
          onEvent({ type: "refused", remoteAddr, reason, count: 1 }),
      }),
      onPrelude: (what) => void this.preludes.push(what),
      onLast: () => onEvent({ type: "warning", message: "the last" }),
      onEvent,
    }, [options.preludes ?? []]);
    this.accepting = this.connections.accept(this.clients, 7, options.lifetime);
  }

  get told(): string[] {
    return this.events.map((event) => event.type);
  }

  /** Nobody else comes; all that there is ends. */
  async end(): Promise<void> {
    this.clients.close();
    await within("the accept loop's end", this.accepting);
    await within("the last connection's end", this.connections.gone());
  }
}

/** A header of one line: the host that the client is said to come from. */
function header(timeout = 10_000): Prelude {
  return {
    timeout,
    refusal: "connections",
    async run(connection) {
      const buffer = new Uint8Array(100);
      const length = await connection.read(buffer);
      if (length === null) throw failure("EPROTO");
      const [hostname, rest] = text(buffer.subarray(0, length)).split("\n");
      const remoteAddr = { transport: "tcp", hostname, port: 1 } as const;
      return { remoteAddr, unread: bytes(rest ?? "") };
    },
  };
}

test("a prelude runs first, and the address that it found is what all others see", async () => {
  const seen: Address[] = [];
  const handler: Handler = async (connection) => {
    seen.push(connection.remoteAddr);
    await connection.write(bytes("hello"));
  };
  const loop = new Loop({ handler, preludes: [header()], perSource: 1 });
  const first = loop.clients.come();
  await settle();
  assertEquals([loop.told, loop.connections.open], [[], 0]);
  first.arrive("192.0.2.1");
  await until("the answer", () => first.received === "hello");
  const found = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
  assertEquals(seen, [found]);
  const [accepted] = loop.events;
  assert(accepted.type === "accepted");
  assertEquals([accepted.remoteAddr as Address, accepted.id], [found, "7.1"]);

  // The limit counts by the address that was found, and another one is not counted.
  const second = loop.clients.come();
  second.arrive("192.0.2.1");
  await until("the refusal", () => loop.told.at(-1) === "refused");
  assertEquals(second.closes, 1);
  const third = loop.clients.come();
  third.arrive("192.0.2.2", null);
  await until("another's answer", () => third.received === "hello");
  first.arrive(null);
  await loop.end();
  const closed = loop.events.filter((event) => event.type === "closed");
  assertEquals(closed.map(({ id }) => id).sort(), ["7.1", "7.2"]);
  assertEquals(loop.clients.gone, 3);
});

test("whoever is refused after a prelude keeps no worker busy", async () => {
  const handler: Handler = async (connection) => void await connection.read(new Uint8Array(1));
  const loop = new Loop({ handler, preludes: [header()], perSource: 1 });
  const [first, second] = [loop.clients.come(), loop.clients.come()];
  for (const socket of [first, second]) socket.arrive("192.0.2.1\n");
  await until("the refusal", () => loop.told.includes("refused"));
  assertEquals(loop.preludes, ["begins", "begins", "failed"]);
  first.arrive(null);
  await loop.end();
});

test("a prelude that fails ends its connection, and no other", async () => {
  const loop = new Loop({ preludes: [header()], limit: 1 });
  const first = loop.clients.come();
  const second = loop.clients.come();
  first.arrive(null);
  second.arrive("192.0.2.2", null);
  await until("the second", () => loop.told.includes("closed"));
  assertEquals(loop.told, ["refused", "accepted", "closed"]);
  assertEquals([first.closes, loop.clients.gone], [1, 2]);
  await loop.end();
});

test("a prelude has its own time, after which its place is free", async () => {
  const loop = new Loop({ preludes: [header(20)], limit: 1 });
  const slow = loop.clients.come();
  const quick = loop.clients.come();
  quick.arrive("192.0.2.2", null);
  await until("the quick one", () => loop.told.includes("closed"));
  assertEquals(loop.told, ["refused", "accepted", "closed"]);
  assertEquals([slow.closes, slow.received], [1, ""]);
  await loop.end();
});

test("a prelude's time is not the handler's", async () => {
  const handler: Handler = async (connection) => {
    await connection.read(new Uint8Array(1));
    await connection.write(bytes("late"));
  };
  const loop = new Loop({ handler, preludes: [header(30)] });
  const socket = loop.clients.come();
  socket.arrive("192.0.2.1");
  await until("the handler", () => loop.connections.open === 1);
  await new Promise((resolve) => setTimeout(resolve, 60));
  socket.arrive("x", null);
  await until("the answer", () => socket.received === "late");
  await loop.end();
});

for (const use of ["calls", "streams"] as const) {
  test(`the handler gets what came with the header, by its ${use}`, async () => {
    const handler: Handler = async (connection) => {
      if (use === "streams") return await connection.readable.pipeTo(connection.writable);
      const buffer = new Uint8Array(3);
      for (let length; (length = await connection.read(buffer)) !== null;) {
        await connection.write(buffer.slice(0, length));
      }
    };
    const loop = new Loop({ handler, preludes: [header()] });
    const socket = loop.clients.come();
    socket.arrive("192.0.2.1\nhello", " world", null);
    await until("the echo", () => socket.received === "hello world");
    await loop.end();
    const [closed] = loop.events.filter((event) => event.type === "closed");
    assertEquals([closed.bytesRead, closed.bytesWritten], [11, 11]);
  });
}

test("clients in preludes count for the lifetime, and one that comes after the end is closed", async () => {
  const loop = new Loop({ preludes: [header()], lifetime: 2 });
  const sockets = [1, 2, 3].map(() => loop.clients.come());
  await settle();
  for (const socket of sockets) socket.arrive("192.0.2.1", null);
  await within("the accept loop's end", loop.accepting);
  await within("the last connection's end", loop.connections.gone());
  assertEquals(loop.told.filter((type) => type === "accepted").length, 2);
});

test("a client that a prelude refuses uses nothing of the lifetime up, also where it would be the last", async () => {
  const loop = new Loop({ preludes: [header()], lifetime: 2 });
  const [open, refused] = [loop.clients.come(), loop.clients.come()];
  await settle();
  open.arrive("192.0.2.1");
  await until("the first is served", () => loop.told.includes("accepted"));
  refused.arrive(null);
  await until("the second is refused", () => loop.told.includes("refused"));
  assert(!loop.told.includes("warning"), "the last has come already");
  loop.clients.come().arrive("192.0.2.1", null);
  open.arrive(null);
  await within("the accept loop's end", loop.accepting);
  await within("the last connection's end", loop.connections.gone());
  assertEquals(loop.told.filter((type) => type === "accepted").length, 2);
  assert(loop.told.includes("warning"));
});

test("several preludes run in their order, each before the next", async () => {
  const order: string[] = [];
  const named = (name: string): Prelude => ({
    timeout: 10_000,
    refusal: "connections",
    run: async () => {
      order.push(`${name} begins`);
      await settle();
      order.push(`${name} ends`);
      return {};
    },
  });
  const handler: Handler = () => void order.push("handler");
  const loop = new Loop({ handler, preludes: [named("a"), named("b")] });
  loop.clients.come().arrive(null);
  await until("the handler", () => order.includes("handler"));
  assertEquals(order, ["a begins", "a ends", "b begins", "b ends", "handler"]);
  await loop.end();
});

test("end() reaches a connection whose prelude is not done, and gone() waits for it", async () => {
  const loop = new Loop({ preludes: [header()] });
  const socket = loop.clients.come();
  await settle();
  let gone = false;
  const ended = loop.connections.gone().then(() => gone = true);
  await settle();
  assertEquals(gone, false);
  loop.connections.end("shutdown");
  await within("the end", ended);
  assertEquals([socket.closes, loop.told], [1, []]);
  await loop.end();
});

test("whoever comes after end() is ended", async () => {
  const loop = new Loop({ handler: () => new Promise(() => {}) });
  loop.connections.end("shutdown");
  const socket = loop.clients.come();
  await until("its end", () => loop.told.includes("closed"));
  const closed = loop.events.at(-1)!;
  assertEquals([socket.closes, closed.type === "closed" && closed.reason], [1, "shutdown"]);
  await loop.end();
});

test("the last connection of a lifetime is told before it is served, and none comes after", async () => {
  const loop = new Loop({ lifetime: 2 });
  for (let i = 0; i < 3; i++) loop.clients.come().arrive(null);
  await within("the accept loop's end", loop.accepting);
  await within("the last connection's end", loop.connections.gone());
  const order = loop.told.filter((type) => type !== "closed");
  assertEquals(order, ["accepted", "warning", "accepted"]);
});

test("handlers hear of a shutdown, and go on", async () => {
  const handler: Handler = async (connection, { signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await connection.write(bytes("goodbye"));
  };
  const loop = new Loop({ handler });
  const socket = loop.clients.come();
  await until("the client", () => loop.connections.open === 1);
  loop.connections.shutdown();
  await until("its last words", () => socket.received === "goodbye");
  socket.arrive(null);
  await loop.end();
});

test("an accept that cannot be mended ends the loop, and not the connections", async () => {
  const loop = new Loop({ handler: () => new Promise(() => {}) });
  const broken: Source = { accept: () => Promise.reject(failure("EBADF")) };
  loop.clients.come();
  await until("the client", () => loop.connections.open === 1);
  await assertRejects(() => loop.connections.accept(broken, 7), Error, "EBADF");
  assertEquals(loop.connections.open, 1);
  loop.connections.end("shutdown");
  await loop.end();
});

test("a connection that breaks off gives its place back, and gone() waits for its last bytes", async () => {
  const loop = new Loop({
    limit: 1,
    handler: async (connection) => {
      (connection as SocketConnection).setIdleTimeout(5);
      await connection.read(new Uint8Array(8));
    },
  });
  const socket = loop.clients.come();
  const arrived = Promise.withResolvers<void>();
  socket.onItsWay = arrived.promise;
  await until("its place is free", () => loop.clients.gone === 1);
  let isGone = false;
  const gone = loop.connections.gone().then(() => isGone = true);
  await settle();
  assertEquals(isGone, false);
  arrived.resolve();
  await within("the end", gone);
  loop.clients.close();
});

test("where the end is spread, each handler is told, and ended, in its turn, and newcomers at once", async () => {
  const told: [string, number][] = [];
  const tell = (id: string) => void told.push([id, performance.now() - start]);
  let start = 0;
  const handler: Handler = async (connection, { id, signal }) => {
    if (signal.aborted) tell(id);
    else signal.addEventListener("abort", () => tell(id));
    await connection.read(new Uint8Array(1));
  };
  const loop = new Loop({ handler, drainSpread: 60 });
  for (let i = 0; i < 3; i++) loop.clients.come();
  await settle();
  start = performance.now();
  loop.connections.shutdown({ over: 60, grace: 60, phase: 0 });
  const late = loop.clients.come();
  await settle();
  assert(told.some(([id]) => id === "7.4"), `the newcomer waits: ${told}`);
  await until("all are told", () => told.length === 4);
  const inTurn = told.filter(([id]) => id !== "7.4");
  assertEquals(inTurn.map(([id]) => id), ["7.1", "7.2", "7.3"]);
  inTurn.forEach(([, at], i) => assert(at >= 20 * i, `all at once: ${told}`));
  await until("those that do not leave are ended", () => loop.connections.open === 1);
  late.arrive(null);
  await loop.end();
  const ends = loop.events.flatMap((event) => event.type === "closed" ? [event.reason] : []);
  assertEquals(ends, ["shutdown", "shutdown", "shutdown", "handler"]);
});
