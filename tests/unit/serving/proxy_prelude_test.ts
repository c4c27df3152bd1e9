/** A PROXY header before the handler, over sockets that are fakes. */
import { assert, assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../../src/connection/connection.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import type { UntimedEvent } from "../../../src/events.ts";
import type { Handler } from "../../../src/handler/handler.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { Connections } from "../../../src/serving/connections.ts";
import { proxyPrelude, type ProxySettings } from "../../../src/serving/proxy_prelude.ts";
import { Refusals } from "../../../src/serving/refusals.ts";
import { until, within } from "../../tools/client.ts";
import { FakeSocket, type Kind } from "../../tools/fake_socket.ts";
import { bytes, failure, settle, test } from "../../tools/unit.ts";
import { BLOCK4, tlv, v2, VALID } from "../proxy/headers.ts";

const V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n";
const V2 = v2(0x21, 0x11, BLOCK4);

/** Says who its client is, and what it has sent to its end. */
const tells: Handler = async (connection, { proxy }) => {
  const buffer = new Uint8Array(8);
  let all = "";
  for (let length; (length = await connection.read(buffer)) !== null;) {
    all += String.fromCharCode(...buffer.subarray(0, length));
  }
  const ends = [connection.remoteAddr, connection.localAddr, proxy!.peer].map(formatAddress);
  await connection.write(bytes(`${ends.join(" ")} ${proxy!.command} ${all}`));
};

const PROXIED = "192.0.2.7:51234 198.51.100.1:443 127.0.0.1:50000 proxy";
const LOCAL = "127.0.0.1:50000 127.0.0.1:8888 127.0.0.1:50000 local";

/** A loop that gets the sockets of the test's. */
class Loop {
  readonly events: UntimedEvent[] = [];
  readonly connections: Connections;
  readonly #open: Promise<void>[] = [];

  constructor(
    proxy: Partial<ProxySettings> = {},
    { perSource = 0, most = Infinity, handler = tells } = {},
  ) {
    const onEvent = (event: UntimedEvent) => void this.events.push(event);
    const settings = { trusted: ["127.0.0.0/8"], timeout: 60_000, ...proxy };
    this.connections = new Connections({
      runtime,
      settings: {
        ...{ model: "multiplex", linger: 0, idleTimeout: 0, connectionTimeout: 0 },
        ...{ maxConnectionsPerWorker: 0, messages: true },
        proxies: [settings],
        tls: [null],
        access: null,
        shutdownTimeout: 10_000,
        ...{ drainSpread: 0, firstByteTimeout: 0, minRate: 0, minRateGrace: 0 },
      },
      handler,
      worker: { kind: "main", id: 0 },
      limit: Infinity,
      most,
      refusals: new Refusals({
        connections: Infinity,
        perSource,
        onRefused: (remoteAddr, reason) =>
          onEvent({ type: "refused", remoteAddr, reason, count: 1 }),
      }),
      onEvent,
    }, [[proxyPrelude(settings)]]);
  }

  /** A client comes, and nobody else. */
  come(socket: FakeSocket): FakeSocket {
    let left: SocketConnection | null = new SocketConnection(socket);
    const listener = {
      accept: () => {
        const next = left;
        left = null;
        return Promise.resolve(next);
      },
    };
    this.#open.push(this.connections.accept(listener, 1));
    return socket;
  }

  of(type: UntimedEvent["type"]): UntimedEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Why clients were refused, with whom. */
  get refused(): string[] {
    return this.events.flatMap((event) =>
      event.type === "refused" ? [`${formatAddress(event.remoteAddr)} ${event.reason}`] : []
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.#open);
    await within("the end", this.connections.gone());
  }
}

/** What the handler says to a client that sends these pieces, and then FIN. */
async function answer(loop: Loop, pieces: string[], kind: Kind): Promise<string> {
  const socket = new FakeSocket(kind);
  // To the one, all comes before it is asked; the other waits for each.
  if (kind === "blocking") socket.arrive(...pieces, null);
  loop.come(socket);
  if (kind === "loop") {
    for (const piece of pieces) {
      await settle();
      socket.arrive(piece);
    }
    socket.arrive(null);
  }
  // Mostly at once, and there are many.
  for (let i = 0; i < 5 && socket.closes === 0; i++) await settle();
  await until("its end", () => socket.closes > 0);
  return socket.received;
}

test("a header in any two pieces is read, and what comes with it is the handler's", async () => {
  const loop = new Loop();
  for (const header of [V1, V2, v2(0x21, 0x11, BLOCK4 + tlv(2, "x.example"))]) {
    const all = header + "hello";
    for (let at = 1; at < all.length; at++) {
      const said = await answer(loop, [all.slice(0, at), all.slice(at)], "blocking");
      assertEquals(said, `${PROXIED} hello`);
    }
    assertEquals(await answer(loop, [all], "blocking"), `${PROXIED} hello`);
    assertEquals(await answer(loop, [...all], "loop"), `${PROXIED} hello`);
  }
  await loop.end();
});

test("a short header in any three pieces is read", async () => {
  const loop = new Loop();
  for (
    const [header, says] of [["PROXY UNKNOWN\r\n", LOCAL], [v2(0x20, 0, ""), LOCAL], [V2, PROXIED]]
  ) {
    const all = header + "!";
    for (let a = 1; a < all.length; a++) {
      for (let b = a + 1; b < all.length; b++) {
        const pieces = [all.slice(0, a), all.slice(a, b), all.slice(b)];
        assertEquals(await answer(loop, pieces, "blocking"), `${says} !`);
      }
    }
  }
  await loop.end();
});

test("each kind of header leaves the handler its bytes and no other, and counts no byte of its own", async () => {
  for (const [name, header, says] of VALID) {
    const loop = new Loop();
    const said = await answer(loop, [header + "PROXY bye"], "loop");
    await loop.end();
    assertEquals(said.split(" ").at(-3), says === "local" ? "local" : "proxy", name);
    assert(said.endsWith(" PROXY bye"), name);
    const closed = loop.of("closed")[0];
    assert(closed.type === "closed");
    assertEquals([closed.bytesRead, closed.bytesWritten], [9, said.length]);
    // What is logged as said is what the handler gets.
    const length = loop.of("message").reduce((n, e) => n + (e as { length: number }).length, 0);
    assertEquals(length, 9);
  }
});

test("the log, the limit per source and the handler see the client's address", async () => {
  const handler: Handler = async (connection) => void await connection.read(new Uint8Array(1));
  const loop = new Loop({}, { perSource: 1, handler });
  const come = (header: string) => {
    const socket = new FakeSocket("loop");
    socket.arrive(header);
    return loop.come(socket);
  };
  const first = come(V1);
  await until("the first", () => loop.of("accepted").length === 1);
  const again = come(V2); // the same client, by another version
  const mapped = come("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n");
  await until("the refusals", () => loop.refused.length === 2);
  const other = come("PROXY TCP4 192.0.2.8 198.51.100.1 51234 443\r\n");
  await until("another", () => loop.of("accepted").length === 2);
  assertEquals(loop.refused, ["192.0.2.7:51234 source", "[::ffff:192.0.2.7]:1 source"]);
  assertEquals(
    loop.of("accepted").map((event) =>
      formatAddress((event as { remoteAddr: Address }).remoteAddr)
    ),
    ["192.0.2.7:51234", "192.0.2.8:51234"],
  );
  assertEquals([again.closes, mapped.closes], [1, 1]);
  for (const socket of [first, other]) socket.arrive(null);
  await loop.end();
});

test("who is not trusted is closed before a byte is read, whatever it says of itself", async () => {
  for (const trusted of [["10.0.0.0/8"], ["unix"], ["127.0.0.2/32", "::1"]]) {
    const loop = new Loop({ trusted });
    const socket = new FakeSocket("loop");
    socket.arrive("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nhello"); // as if it were this machine
    loop.come(socket);
    await loop.end();
    assertEquals([socket.reads, socket.closes, socket.received], [0, 1, ""]);
    assertEquals(loop.refused, ["127.0.0.1:50000 proxy_untrusted"]);
    assertEquals(loop.of("accepted"), []);
  }
});

test("a client that is said to come from here is not trusted for it, nor one that comes by IPv6 distrusted", async () => {
  const loop = new Loop({ trusted: ["::ffff:127.0.0.1/128"] });
  const said = await answer(loop, ["PROXY TCP4 10.0.0.1 127.0.0.1 1 2\r\n"], "loop");
  assertEquals(said, "10.0.0.1:1 127.0.0.1:2 127.0.0.1:50000 proxy ");
  await loop.end();
});

test("no header, half of one and a wrong one are refused, and nothing of them comes to a handler", async () => {
  const wrong: [string, RegExp][] = [
    ["GET / HTTP/1.1\r\n\r\n", /is no PROXY header/],
    ["PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\nhello", /malformed/],
    [V1.slice(0, -1), /in the middle/],
    [V2.slice(0, 20), /in the middle/],
    ["P", /in the middle/],
    [v2(0x21, 0x12, BLOCK4) + "hello", /datagrams/],
    [v2(0x21, 0x11, BLOCK4 + tlv(3, "abcd")), /checksum/],
  ];
  for (const [sent, why] of wrong) {
    for (const kind of ["loop", "blocking"] as const) {
      const loop = new Loop();
      assertEquals(await answer(loop, [sent], kind), "");
      await loop.end();
      const [refused, ...more] = loop.events;
      assert(refused.type === "refused" && more.length === 0, JSON.stringify(loop.events));
      assertEquals(refused.reason, "proxy_header");
      assert(why.test(refused.error!), refused.error);
    }
  }
});

test("a sender that is slow has its time for the whole header, and its place is free then", async () => {
  const loop = new Loop({ timeout: 60 }, { most: 1 });
  const slow = loop.come(new FakeSocket("loop"));
  await settle();
  const begin = performance.now();
  const more = loop.come(new FakeSocket("loop"));
  await until("it is refused", () => more.closes === 1);
  for (const byte of V1.slice(0, 20)) {
    slow.arrive(byte); // each in time, all together not
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await until("its end", () => slow.closes > 0);
  assert(performance.now() - begin >= 50);
  assertEquals(loop.refused, ["127.0.0.1:50000 connections", "127.0.0.1:50000 proxy_timeout"]);
  assertEquals(await answer(loop, [V1, "x"], "loop"), `${PROXIED} x`);
  await loop.end();
});

test("a probe that leaves without a byte, by FIN or RST, is counted as one and gets no handler", async () => {
  for (
    const [ending, error] of [[null, undefined], [failure("ECONNRESET"), "ECONNRESET"]] as const
  ) {
    for (const kind of ["loop", "blocking"] as const) {
      let handled = 0;
      const loop = new Loop({}, { handler: () => void handled++ });
      const socket = new FakeSocket(kind);
      socket.arrive(ending);
      loop.come(socket);
      await loop.end();
      const closed = loop.of("closed")[0];
      assert(closed?.type === "closed", JSON.stringify(loop.events));
      assertEquals([closed.bytesRead, closed.bytesWritten, closed.stack], [0, 0, undefined]);
      assertEquals([closed.code, loop.refused, handled], [error, [], 0]);
    }
  }
});

test("a check has the proxy's own address, moves no byte, and can be told from a client", async () => {
  const own = "PROXY TCP4 127.0.0.1 127.0.0.1 50000 8888\r\n"; // as HAProxy's, with version 1
  const headers: [string, string, true | undefined][] = [
    [v2(0x20, 0x11, BLOCK4), "127.0.0.1:50000", true],
    ["PROXY UNKNOWN\r\n", "127.0.0.1:50000", true],
    [own, "127.0.0.1:50000", true],
    [own.replace("50000", "50001"), "127.0.0.1:50001", undefined],
    [V1, "192.0.2.7:51234", undefined],
  ];
  for (const [header, client, local] of headers) {
    const loop = new Loop({}, { handler: async (c) => void await c.read(new Uint8Array(1)) });
    await answer(loop, [header], "loop");
    await loop.end();
    const closed = loop.of("closed")[0];
    assert(closed.type === "closed");
    assertEquals([formatAddress(closed.remoteAddr), closed.local], [client, local]);
    assertEquals([closed.bytesRead, closed.bytesWritten], [0, 0]);
  }
});
