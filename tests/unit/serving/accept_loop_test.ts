import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import {
  acceptLoop,
  type ConnectionSource,
  NO_ROOM_WAIT,
} from "../../../src/serving/accept_loop.ts";
import { until, within } from "../../tools/client.ts";
import { FakeSocket } from "../../tools/fake_socket.ts";
import { failure, settle, state, test } from "../../tools/unit.ts";

type Item = SocketConnection | Error | null;

/** Gives what it is told to, and waits when that is all. */
class Source implements ConnectionSource<SocketConnection> {
  /** How often `accept` was called. */
  asked = 0;
  readonly #items: Item[];
  #waiting: ((item: Item) => void) | null = null;

  constructor(...items: Item[]) {
    this.#items = items;
  }

  give(item: Item): void {
    this.#items.push(item);
    this.#waiting?.(this.#items.shift()!);
    this.#waiting = null;
  }

  async accept(): Promise<SocketConnection | null> {
    this.asked++;
    const item = this.#items.length > 0
      ? this.#items.shift()!
      : await new Promise<Item>((resolve) => this.#waiting = resolve);
    if (item instanceof Error) throw item;
    return item;
  }
}

/** Serves until it is told to end. */
class Served {
  readonly all: SocketConnection[] = [];
  open = 0;
  most = 0;
  readonly #ends: (() => void)[] = [];

  readonly serve = (connection: SocketConnection): Promise<void> => {
    this.all.push(connection);
    this.most = Math.max(this.most, ++this.open);
    return new Promise((resolve) =>
      this.#ends.push(() => {
        this.open--;
        resolve();
      })
    );
  };

  endOne(): void {
    this.#ends.shift()!();
  }
}

const client = () => new SocketConnection(new FakeSocket("loop"));

function never(code: string): void {
  throw new Error(`nobody expected "no room": ${code}`);
}

test("each connection is served, and the loop ends at null while they are open", async () => {
  const clients = [client(), client(), client()];
  const source = new Source(...clients, null);
  const served = new Served();
  await within("the loop's end", acceptLoop(source, 10, served.serve, never));
  assertEquals(served.all.length, 3);
  clients.forEach((connection, i) => assertStrictEquals(served.all[i], connection));
  assertEquals([served.open, source.asked], [3, 4]);
});

for (const limit of [1, 3]) {
  test(`no more than ${limit} are open at once, and nobody is accepted to wait`, async () => {
    const source = new Source();
    const served = new Served();
    const loop = acceptLoop(source, limit, served.serve, never);
    for (let i = 0; i < 10; i++) source.give(client());
    for (let ended = 0; ended < 10; ended++) {
      await settle();
      const left = 10 - ended;
      assertEquals(served.open, Math.min(limit, left));
      assertEquals(source.asked, left < limit ? 11 : limit + ended);
      served.endOne();
    }
    source.give(null);
    await within("the loop's end", loop);
    assertEquals([served.all.length, served.most], [10, limit]);
  });
}

test("several that end at the same time make several places", async () => {
  const source = new Source(...Array.from({ length: 8 }, client), null);
  const served = new Served();
  const loop = acceptLoop(source, 4, served.serve, never);
  await settle();
  for (let i = 0; i < 4; i++) served.endOne();
  await settle();
  assertEquals([served.all.length, served.open], [8, 4]);
  served.endOne();
  await within("the loop's end", loop);
  assertEquals(served.most, 4);
});

const GONE = ["ECONNABORTED", "ECONNRESET", "ENOTCONN", "EPROTO", "EPERM", "ENETDOWN"];
GONE.push("ENETUNREACH", "ENOPROTOOPT", "EHOSTDOWN", "EHOSTUNREACH", "ENONET", "EOPNOTSUPP");
GONE.push("EAGAIN", "EINTR", "ETIMEDOUT");

for (const code of GONE) {
  test(`a client that is gone is passed over at once: ${code}`, async () => {
    const source = new Source(failure(code), client());
    const served = new Served();
    const loop = acceptLoop(source, 10, served.serve, never);
    await settle();
    assertEquals(served.all.length, 1);
    source.give(null);
    await within("the loop's end", loop);
  });
}

test("a failed accept takes no place", async () => {
  const source = new Source(failure("ECONNABORTED"), failure("ECONNABORTED"), client(), null);
  const served = new Served();
  const loop = acceptLoop(source, 1, served.serve, never);
  await settle();
  assertEquals(served.open, 1);
  served.endOne();
  await within("the loop's end", loop);
});

test("no room is reported and waited out, each time", async () => {
  const codes = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
  const source = new Source(...codes.map(failure), client(), null);
  const served = new Served();
  const reported: [string, number][] = [];
  const start = performance.now();
  await within(
    "the loop's end",
    acceptLoop(source, 10, served.serve, (code) => {
      reported.push([code, performance.now() - start]);
      assertEquals(source.asked, reported.length, "accept was called while there was no room");
    }),
  );
  assertEquals(reported.map(([code]) => code), codes);
  reported.forEach(([code, time], i) =>
    assert(time >= i * (NO_ROOM_WAIT - 5), `${code} after ${time} ms`)
  );
  assert(performance.now() - start >= codes.length * (NO_ROOM_WAIT - 5));
  assertEquals(served.all.length, 1);
});

for (
  const error of [failure("EBADF"), failure("EINVAL"), new Error("no code"), failure("ENOTSOCK")]
) {
  test(`any other error is fatal, and is what the loop throws: ${error.message}`, async () => {
    const source = new Source(client(), error, client());
    const served = new Served();
    const loop = acceptLoop(source, 10, served.serve, never);
    const thrown = await within("the loop's end", loop.then(() => null, (error) => error));
    assertStrictEquals(thrown, error);
    assertEquals([served.all.length, source.asked], [1, 2]);
  });
}

test("the loop sees that the listener is closed once it has a place again", async () => {
  const source = new Source(client(), null);
  const served = new Served();
  const loop = acceptLoop(source, 1, served.serve, never);
  assertEquals(await state(loop), "pending");
  served.endOne();
  await until("the loop's end", async () => await state(loop) === "resolved");
});
