/** Connections that are made on an epoll loop, over real sockets. */
import { assert, assertEquals } from "@std/assert";
import { connectToFirst, inTurn } from "../../../src/posix/epoll_connect.ts";
import { EpollLoop } from "../../../src/posix/epoll_loop.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { until } from "../../tools/client.ts";
import { withFullQueue } from "../../tools/full_queue.ts";
import { withPeer } from "../../tools/peer.ts";
import { bytes, state, test, text } from "../../tools/unit.ts";
import { code } from "../connection/over_fake_socket.ts";
import { openSockets } from "../../tools/open_sockets.ts";

const runtime = await detect();
/** A port that the system gives nobody. */
const NOBODY = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
const at = (port: number) => ({ ...NOBODY, port });

test("addresses of both families are taken in turn, beginning with the first one's", () => {
  assertEquals(inTurn(["::1", "::2", "1.1.1.1"]), ["::1", "1.1.1.1", "::2"]);
  assertEquals(inTurn(["1.1.1.1", "::1", "::2"]), ["1.1.1.1", "::1", "::2"]);
  assertEquals(inTurn(["1.1.1.1"]), ["1.1.1.1"]);
});

test("the first address that answers is taken; a refusal costs no time, silence a quarter of a second", async () => {
  const echo = (client: import("node:net").Socket) => void client.pipe(client);
  await withPeer(echo, async (port) => {
    await withFullQueue(async (full) => {
      const before = openSockets(full);
      for (const first of [NOBODY, at(full)]) {
        const begin = performance.now();
        const loop = EpollLoop.share(runtime)!;
        const connection = await connectToFirst(loop, [first, at(port)]);
        const taken = performance.now() - begin;
        assert(first === NOBODY || taken >= 240, `${taken} ms`);
        assertEquals(connection.remoteAddr, at(port));
        await connection.write(bytes("hello"));
        const buffer = new Uint8Array(8);
        assertEquals(await connection.read(buffer), 5);
        assertEquals(text(buffer.subarray(0, 5)), "hello");
        connection.close();
      }
      await until("its sockets are closed", () => openSockets(full) === before);
      await until("the peer's are closed", () => openSockets(port) === 0);
      assert(!EpollLoop.isRunning);
    });
  });
});

test("all refuse, or the attempt is given up: no socket and no loop is left", async () => {
  await withFullQueue(async (full) => {
    const before = openSockets(full);
    const loop = () => EpollLoop.share(runtime)!;
    assertEquals(await code(connectToFirst(loop(), [NOBODY, NOBODY])), "ECONNREFUSED");
    const abort = new AbortController();
    const attempt = connectToFirst(loop(), [at(full), at(full)], abort.signal);
    assertEquals(await state(attempt), "pending");
    assertEquals(openSockets(full), before + 1);
    abort.abort();
    assertEquals(await code(attempt), "ECANCELED");
    await until("its sockets are closed", () => openSockets(full) === before);
    assert(!EpollLoop.isRunning);
  });
});
