import { assert, assertEquals } from "@std/assert";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import type { CloseReason, UntimedEvent } from "../../../src/events.ts";
import type { Handler } from "../../../src/handler/handler.ts";
import { serveConnection, type ServedConnection } from "../../../src/serving/serve_connection.ts";
import { ODDITIES } from "../../fixtures/handlers/faults.ts";
import { until, within } from "../../tools/client.ts";
import { FakeSocket, type Kind } from "../../tools/fake_socket.ts";
import { bytes, failure, settle, test, unhandled } from "../../tools/unit.ts";

type Closed = Extract<UntimedEvent, { type: "closed" }>;

interface Options {
  linger?: number;
  idleTimeout?: number;
  connectionTimeout?: number;
  messages?: boolean;
}

class Serving {
  readonly socket: FakeSocket;
  readonly connection: SocketConnection;
  readonly events: UntimedEvent[] = [];
  readonly served: ServedConnection;
  readonly #abort = new AbortController();

  constructor(kind: Kind, handler: Handler, options: Options = {}, socket = new FakeSocket(kind)) {
    this.socket = socket;
    this.connection = new SocketConnection(socket);
    const context = {
      signal: this.#abort.signal,
      gone: this.#abort.signal,
      id: "7.1",
      model: "multiplex",
      worker: { kind: "main", id: 0 },
      proxy: null,
      tls: null,
    } as const;
    const settings = {
      model: "multiplex",
      shutdownTimeout: 0,
      maxConnectionsPerWorker: 0,
      proxies: [null],
      tls: [null],
      access: null,
      linger: options.linger ?? 10_000,
      idleTimeout: options.idleTimeout ?? 0,
      connectionTimeout: options.connectionTimeout ?? 0,
      messages: options.messages ?? false,
      firstByteTimeout: 0,
      minRate: 0,
      minRateGrace: 10_000,
      drainSpread: 0,
    } as const;
    const onEvent = (event: UntimedEvent) => void this.events.push(event);
    this.served = serveConnection(this.connection, handler, context, settings, onEvent);
  }

  /** Its one `closed`, when it is there; `accepted` came first and nothing after it. */
  async closed(): Promise<Closed> {
    await within("the connection's end", this.served.done);
    await settle();
    const types = this.events.map((event) => event.type).filter((type) => type !== "message");
    assertEquals(types, ["accepted", "closed"]);
    assertEquals(this.events[0].type, "accepted");
    const closed = this.events.at(-1) as Closed;
    const common = { id: "7.1", remoteAddr: this.socket.remoteAddr, worker: closed.worker };
    assertEquals(this.events[0] as unknown, { type: "accepted", ...common });
    assertEquals(closed.worker, { kind: "main", id: 0 });
    assertEquals([closed.id, closed.remoteAddr], [common.id, common.remoteAddr]);
    assert(Number.isInteger(closed.milliseconds) && closed.milliseconds >= 0);
    assertEquals(this.socket.closes, 1);
    return closed;
  }

  async expect(reason: CloseReason, error: string | undefined, read = 0, written = 0) {
    const closed = await this.closed();
    assertEquals([closed.reason, closed.error], [reason, error]);
    assertEquals("error" in closed, error !== undefined);
    assertEquals([closed.bytesRead, closed.bytesWritten], [read, written]);
  }
}

const echo: Handler = async (connection) => {
  const buffer = new Uint8Array(100);
  for (let length; (length = await connection.read(buffer)) !== null;) {
    await connection.write(buffer.slice(0, length));
  }
};

function peer(kind: Kind, ...items: (string | null | Error)[]): FakeSocket {
  const socket = new FakeSocket(kind);
  socket.arrive(...items);
  return socket;
}

for (const kind of ["loop", "blocking"] as const) {
  test(`${kind}: a handler that returns`, async () => {
    const serving = new Serving(
      kind,
      async (connection) => {
        await connection.write(bytes("hello"));
      },
      {},
      peer(kind, null),
    );
    await serving.expect("handler", undefined, 0, 5);
    assertEquals(serving.socket.log, ["write hello", "FIN", "read", "close"]);
  });

  test(`${kind}: a handler that throws anything ends its connection, and it is told where`, async () => {
    for (const odd of ODDITIES) {
      const serving = new Serving(kind, () => Promise.reject(odd), {}, peer(kind, null));
      const { reason, error } = await serving.closed();
      assertEquals([reason, typeof error], ["error", "string"]);
    }
    const throws: Handler = () => {
      throw Object.assign(new Error("boom"), { code: "E_MINE" });
    };
    const { error, code, stack } = await new Serving(kind, throws, {}, peer(kind, null)).closed();
    assertEquals([error, code], ["E_MINE: boom", "E_MINE"]);
    assert(stack!.includes("serve_connection_test.ts:"), stack);
  });

  test(`${kind}: a handler that changes what it was given is reported as what it was`, async () => {
    const serving = new Serving(
      kind,
      (_, context) => {
        Object.assign(context, { id: "mine", worker: { kind: "main", id: 9 } });
      },
      {},
      peer(kind, null),
    );
    await serving.expect("handler", undefined, 0, 0);
  });

  test(`${kind}: a handler that returns without a promise, and does not wait for its write`, async () => {
    const serving = new Serving(
      kind,
      (connection) => {
        void connection.write(bytes("hello"));
      },
      {},
      peer(kind, "discarded", null),
    );
    await serving.expect("handler", undefined, 0, 5);
  });

  test(`${kind}: a peer that half-closes gets its answer`, async () => {
    const serving = new Serving(kind, echo, {}, peer(kind, "one", "two", null));
    await serving.expect("handler", undefined, 6, 6);
    assertEquals(serving.socket.received, "onetwo");
    assertEquals(serving.socket.fins, 1);
  });

  const thrown: [string, Handler, string][] = [
    ["rejects", () => Promise.reject(new Error("boom")), "boom"],
    ["throws", () => {
      throw new Error("boom");
    }, "boom"],
    ["throws a code", () => {
      throw Object.assign(new Error("boom"), { code: "ENOENT" });
    }, "ENOENT: boom"],
    ["throws text", () => {
      throw "just text";
    }, "just text"],
  ];
  for (const [what, handler, error] of thrown) {
    test(`${kind}: a handler that ${what} ends with a reset, and its error is told`, async () => {
      const serving = new Serving(kind, handler, {}, peer(kind, "unread", null));
      await serving.expect("error", error);
      assertEquals(serving.socket.log, ["reset"]);
      const [linger] = serving.socket.lingers;
      assert(linger > 1_000 && linger <= 10_000, `what was written has ${linger} ms`);
    });
  }

  test(`${kind}: what was written before the handler threw goes out`, async () => {
    const serving = new Serving(
      kind,
      (connection) => {
        void connection.write(bytes("last words"));
        throw new Error("boom");
      },
      {},
      peer(kind, null),
    );
    await serving.expect("error", "boom", 0, 10);
  });

  test(`${kind}: a reset while the handler reads`, async () => {
    const serving = new Serving(kind, echo, {}, peer(kind, "one", failure("ECONNRESET")));
    await serving.expect("error", "ECONNRESET, on purpose", 3, 3);
  });

  test(`${kind}: a reset while the handler writes`, async () => {
    const socket = peer(kind, "one");
    socket.writeError = failure("ECONNRESET");
    const serving = new Serving(kind, echo, {}, socket);
    await serving.expect("error", "ECONNRESET, on purpose", 3, 0);
  });

  test(`${kind}: a failed write that the handler did not wait for is told`, async () => {
    const socket = peer(kind, null);
    socket.writeError = failure("EPIPE");
    const errors = await unhandled(async () => {
      const serving = new Serving(
        kind,
        (connection) => void connection.write(bytes("x")),
        {},
        socket,
      );
      await serving.expect("error", "EPIPE, on purpose");
    });
    assertEquals(errors, []);
  });

  test(`${kind}: the handler's own error is told, not the failed write's`, async () => {
    const socket = peer(kind, null);
    socket.take = () => 1;
    const serving = new Serving(
      kind,
      (connection) => {
        void connection.write(bytes("xy"));
        socket.writeError = failure("EPIPE");
        throw new Error("boom");
      },
      {},
      socket,
    );
    assertEquals((await serving.closed()).error, "boom");
  });

  test(`${kind}: a handler that closes the connection itself`, async () => {
    const serving = new Serving(kind, (connection) => connection.close());
    await serving.expect("handler", undefined);
    assertEquals(serving.socket.log, ["close"]);
  });

  test(`${kind}: an idle timeout while the handler reads`, async () => {
    const serving = new Serving(kind, echo, { idleTimeout: 20 }, peer(kind, "one"));
    const closed = await serving.closed();
    assertEquals([closed.reason, closed.bytesRead, closed.bytesWritten], ["timeout", 3, 3]);
  });

  test(`${kind}: an idle timeout while the handler writes`, async () => {
    const socket = peer(kind);
    socket.take = () => 0;
    const serving = new Serving(kind, (connection) => connection.write(bytes("x")), {
      idleTimeout: 20,
    }, socket);
    assertEquals((await serving.closed()).reason, "timeout");
  });

  test(`${kind}: a peer that is silent after FIN is no idle timeout`, async () => {
    const serving = new Serving(kind, () => {}, { idleTimeout: 20, linger: 100 });
    await serving.expect("handler", undefined);
  });

  test(`${kind}: messages are told only where they were asked for, 256 bytes of each`, async () => {
    const input = ["one", "x".repeat(300), null];
    const drain: Handler = async (connection) => {
      const buffer = new Uint8Array(1000);
      while (await connection.read(buffer) !== null) buffer.fill(0);
    };
    const asked = new Serving(kind, drain, { messages: true }, peer(kind, ...input));
    await asked.expect("handler", undefined, 303);
    const worker = { kind: "main", id: 0 };
    const messages = [[bytes("one"), 3], [bytes("x".repeat(256)), 300]];
    assertEquals(
      asked.events.slice(1, -1) as unknown[],
      messages.map(([bytes, length]) => ({ type: "message", id: "7.1", bytes, length, worker })),
    );
    const not = new Serving(kind, drain, {}, peer(kind, ...input));
    await not.expect("handler", undefined, 303);
    assertEquals(not.events.length, 2);
  });
}

test("the handler begins at once, with the connection and its context", async () => {
  let told: unknown[] = [];
  const serving = new Serving("loop", (...args) => {
    told = args;
    args[0].close();
  });
  assertEquals(serving.events[0].type, "accepted");
  const { signal, gone: _, ...context } = told[1] as Record<"signal" | "gone", AbortSignal>;
  assert(told[0] === serving.connection);
  assert(signal instanceof AbortSignal && !signal.aborted);
  assertEquals(context as unknown, {
    id: "7.1",
    model: "multiplex",
    worker: { kind: "main", id: 0 },
    proxy: null,
    tls: null,
  });
  await serving.closed();
});

test("closed comes only when linger is over or the peer has closed", async () => {
  const serving = new Serving("loop", () => {});
  await settle();
  assertEquals(serving.events.length, 1);
  serving.socket.arrive(null);
  await serving.expect("handler", undefined);
});

test("an end while the handler never returns", async () => {
  const serving = new Serving("loop", () => new Promise(() => {}));
  await settle();
  serving.served.end("shutdown");
  await serving.expect("shutdown", undefined);
  assertEquals([serving.socket.log, serving.socket.lingers], [["reset"], [0]]);
});

test("an end after the handler has closed the connection is the handler's", async () => {
  const serving = new Serving("loop", (connection) => {
    connection.close();
    return new Promise(() => {});
  });
  serving.served.end("shutdown");
  await serving.expect("handler", undefined);
});

test("an end with an error tells it", async () => {
  const serving = new Serving("loop", () => new Promise(() => {}));
  serving.served.end("error", failure("EIO"));
  await serving.expect("error", "EIO, on purpose");
});

const waits: [string, Handler][] = [
  ["in an async function", echo],
  ["by the read itself", (connection) => connection.read(new Uint8Array(9)) as Promise<never>],
  ["by a pipe", (connection) => connection.readable.pipeTo(connection.writable)],
];
for (const [how, handler] of waits) {
  test(`an end while the handler reads ${how}: the reason is the end's`, async () => {
    const serving = new Serving("loop", handler);
    await settle();
    serving.served.end("shutdown");
    const closed = await serving.closed();
    assertEquals([closed.reason, closed.error], ["shutdown", undefined]);
  });
}

test("an end while the handler writes: the reason is the end's", async () => {
  const socket = new FakeSocket("loop");
  socket.take = () => 0;
  const serving = new Serving("loop", (c) => c.write(bytes("x")), {}, socket);
  await settle();
  serving.served.end("shutdown");
  await serving.expect("shutdown", undefined);
});

test("an end while input is discarded", async () => {
  const serving = new Serving("loop", () => {});
  await until("FIN", () => serving.socket.fins === 1);
  serving.served.end("shutdown");
  await serving.expect("shutdown", undefined);
});

test("the first of two ends counts", async () => {
  const serving = new Serving("loop", () => new Promise(() => {}));
  serving.served.end("shutdown");
  serving.served.end("error", new Error("late"));
  await serving.expect("shutdown", undefined);
});

test("an end after the end tells nothing more", async () => {
  const serving = new Serving("loop", () => {}, {}, peer("loop", null));
  await serving.expect("handler", undefined);
  serving.served.end("shutdown");
  await serving.expect("handler", undefined);
});

test("what a handler does after its connection was ended harms nobody", async () => {
  const errors = await unhandled(async () => {
    const late = Promise.withResolvers<void>();
    const serving = new Serving("loop", async (connection) => {
      await late.promise;
      await connection.write(bytes("x"));
    });
    serving.served.end("shutdown");
    await serving.expect("shutdown", undefined);
    late.resolve();
    await serving.expect("shutdown", undefined);
  });
  assertEquals(errors, []);
});

test("an idle timeout frees the place of a handler that waits for something else", async () => {
  const options = { idleTimeout: 20, linger: 600_000 };
  const serving = new Serving("loop", () => new Promise(() => {}), options);
  try {
    await until("the timeout", () => serving.connection.closedBy === "ETIMEDOUT");
    await until("closed", () => serving.events.length > 1);
  } finally {
    serving.served.end("shutdown");
  }
  assertEquals((await serving.closed()).reason, "timeout");
});

test("an end after an idle timeout that the handler has not noticed is a timeout", async () => {
  const serving = new Serving("loop", () => new Promise(() => {}), { idleTimeout: 20 });
  await until("the timeout", () => serving.connection.closedBy === "ETIMEDOUT");
  serving.served.end("shutdown");
  assertEquals((await serving.closed()).reason, "timeout");
});

test("a handler that closes its connection and goes on is reported when its time is over", async () => {
  const serving = new Serving("loop", async (connection) => {
    connection.close();
    await new Promise(() => {});
  }, { connectionTimeout: 20 });
  const closed = await serving.closed();
  assertEquals([closed.reason, serving.connection.closedBy], ["handler", "EBADF"]);
});
