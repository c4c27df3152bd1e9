import { assert, assertEquals } from "@std/assert";
import { createServer, type Socket } from "node:net";
import { Client, until } from "../tools/client.ts";
import { ask, type ExampleCase } from "./example.ts";
import { exampleTests } from "./run_example.ts";

/** A server that the proxy stands before: an echo that obeys a first line. */
class Upstream {
  readonly sockets = new Set<Socket>();
  /** What its connections have got. */
  received = "";
  /** Bytes of the flood that the kernel has taken. */
  flooded = 0;
  /** How the last connection failed. */
  error: string | undefined;
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    this.sockets.add(socket);
    this.received = "";
    this.flooded = 0;
    this.error = undefined;
    let flooding = false;
    socket.on("error", (error: Error & { code?: string }) => this.error = error.code);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (bytes: Uint8Array) => {
      const text = new TextDecoder("latin1").decode(bytes);
      this.received += text;
      if (text === "finish first\n") socket.end("done");
      else if (text === "half\n") {
        socket.write(new Uint8Array(FLOOD / 2), () => socket.resetAndDestroy());
      } else if (text === "flood\n") {
        flooding = true;
        this.#flood(socket, FLOOD);
      } else if (!socket.writableEnded) socket.write(bytes);
    });
    socket.on("end", () => {
      if (!socket.writableEnded && !flooding) socket.end("done");
    });
  });

  #flood(socket: Socket, left: number): void {
    if (left === 0 || socket.destroyed) return void socket.end();
    const length = Math.min(left, 65536);
    socket.write(new Uint8Array(length), (error) => {
      if (error) return;
      this.flooded += length;
      this.#flood(socket, left - length);
    });
  }

  /** Listens; the port. */
  open(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(
        0,
        "127.0.0.1",
        () => resolve((this.#server.address() as { port: number }).port),
      )
    );
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

const FLOOD = 64 << 20;
let upstream: Upstream;

const PROXY: readonly ExampleCase[] = [
  {
    name: "bytes go both ways, and so does the client's half-close",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "hello\n", "hello\n");
      const bytes = new Uint8Array(3 << 20);
      for (let i = 0; i < bytes.length; i++) bytes[i] = i * 7 ^ i >> 8;
      const sending = client.send(bytes);
      client.halfClose();
      const back = await client.receiveAll();
      await sending;
      assertEquals(back.length, bytes.length + "done".length);
      assert(bytes.every((byte, i) => byte === back[i]), "a byte differs");
      assertEquals(new TextDecoder().decode(back.subarray(bytes.length)), "done");
      await client.close();
      assertEquals(client.error, null);
    },
  },
  {
    name: "the upstream's half-close comes through, and the client can go on",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send("finish first\n");
      assertEquals(new TextDecoder().decode(await client.receiveAll()), "done");
      await client.send("and more");
      await until("what the upstream gets", () => upstream.received.endsWith("and more"));
      // The connection of the case before may be ending still.
      await until("one is open", () => upstream.sockets.size === 1);
      client.halfClose();
      await until("the upstream's end", () => upstream.sockets.size === 0);
      await client.close();
      assertEquals(client.error, null);
    },
  },
  {
    name: "a client's reset is one for the upstream",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "hello\n", "hello\n");
      assertEquals(upstream.sockets.size, 1);
      await client.reset();
      await until("the upstream's end", () => upstream.sockets.size === 0);
      assertEquals(upstream.error, "ECONNRESET");
    },
  },
  {
    name: "an upstream's reset is one for the client, in the middle of an answer too",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send("half\n");
      const { length } = await client.receiveUntilReset();
      assert(length < FLOOD, "it got all");
    },
  },
  {
    name: "a client that reads slowly slows down the upstream",
    async run({ address }) {
      const client = await Client.open(address);
      client.socket.pause();
      await client.send("flood\n");
      let before = -1;
      await until("the flood stands still", async () => {
        const still = upstream.flooded > 0 && upstream.flooded === before;
        before = upstream.flooded;
        if (!still) await new Promise((resolve) => setTimeout(resolve, 200));
        return still;
      });
      assert(before < FLOOD, "all of it went to a client that does not read");
      client.socket.resume();
      assertEquals((await client.receiveAll(60_000)).length, FLOOD);
      client.halfClose();
      await client.close();
      await until("the upstream's end", () => upstream.sockets.size === 0);
    },
  },
];

const PROXY_TO_NOBODY: readonly ExampleCase[] = [
  {
    name: "a client is reset, and the log says why",
    async run({ address, log }) {
      try {
        const client = await Client.open(address);
        await client.receiveUntilReset();
      } catch (error) {
        // It may be reset before it knows that it is connected.
        assertEquals((error as { code?: string }).code, "ECONNRESET");
      }
      await until("the report", () => log().includes("ECONNREFUSED"));
    },
  },
];

exampleTests({
  file: "proxy.ts",
  cases: PROXY,
  async prepare() {
    upstream = new Upstream();
    const port = await upstream.open();
    return { env: { UPSTREAM: `127.0.0.1:${port}` }, close: () => upstream.close() };
  },
});

exampleTests({
  file: "proxy.ts",
  when: "its upstream is not there",
  cases: PROXY_TO_NOBODY,
  // A port that the system gives nobody.
  prepare: () => Promise.resolve({ env: { UPSTREAM: "127.0.0.1:1" }, close: async () => {} }),
});
