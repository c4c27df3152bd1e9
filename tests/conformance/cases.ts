/**
 * What must hold on every runtime under every model: data, run by whoever has
 * a server. Nothing of a runtime is named here.
 */
import { assert, assertEquals } from "@std/assert";
import type { Address, ModelName } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";

export interface Case {
  readonly name: string;
  /** Models that it is not run under, with the reason. */
  readonly not?: Partial<Record<ModelName, string>>;
  run(address: Address, size: Size): Promise<void>;
}

/** How many clients come at once: fewer where only the handler is another. */
export interface Size {
  readonly clients: number;
  readonly resets: number;
}

const ITERATIVE_WAITS = "one client at a time is what this model is";

/** xorshift32, so that a failure can be repeated. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/** All byte values but no `bye`: its `e` becomes an `f`. The length is a multiple of 4. */
function randomBytes(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  const next = random(seed);
  for (let i = 0; i < words.length; i++) words[i] = next();
  const bytes = new Uint8Array(words.buffer);
  for (let i = bytes.indexOf(0x65); i >= 0; i = bytes.indexOf(0x65, i + 1)) {
    if (bytes[i - 1] === 0x79 && bytes[i - 2] === 0x62) bytes[i] = 0x66;
  }
  return bytes;
}

/** Made once: it takes time. */
let sixteenMebibytes: Uint8Array | null = null;

async function session(address: Address): Promise<void> {
  const client = await Client.open(address);
  await client.send("hello\n");
  assertEquals(await client.receiveText(6), "hello\n");
  await client.send("bye\n");
  assertEquals((await client.receiveAll()).length, 0);
  await client.close();
  assertEquals(client.error, null);
}

export const CASES: readonly Case[] = [
  {
    name: "hello and bye in one segment get exactly hello",
    async run(address) {
      const client = await Client.open(address);
      await client.send("hello\nbye\n");
      assertEquals(
        new TextDecoder().decode(await client.receiveAll()),
        "hello\n",
      );
      await client.close();
      assertEquals(client.error, null);
    },
  },
  {
    name: "100-byte messages padded with NULs come back whole, one at a time",
    async run(address) {
      const client = await Client.open(address);
      for (let i = 0; i < 200; i++) {
        const message = new Uint8Array(100);
        message.set(new TextEncoder().encode(`message ${i}`));
        await client.send(message);
        assertEquals(await client.receive(100), message);
      }
      await client.send("bye");
      await client.close(); // without reading
    },
  },
  ...[false, true].map((halfClose): Case => ({
    name: `16 MiB in random segments come back in order${halfClose ? " after a half-close" : ""}`,
    async run(address) {
      const bytes = sixteenMebibytes ??= randomBytes(16 << 20, 4711);
      const sizes = random(815);
      const client = await Client.open(address);
      const sending = (async () => {
        for (let at = 0; at < bytes.length;) {
          const end = Math.min(
            bytes.length,
            at + 1 + sizes() % 100_000,
          );
          await client.send(bytes.subarray(at, end));
          at = end;
        }
        if (halfClose) client.halfClose();
      })();
      const back = halfClose
        ? await client.receiveAll(60_000)
        : await client.receive(bytes.length, 60_000);
      await sending;
      assertEquals(back.length, bytes.length);
      let same = 0; // a call for each byte would take longer than sending them
      while (same < bytes.length && back[same] === bytes[same]) same++;
      assertEquals(same, bytes.length, "a byte differs");
      if (!halfClose) {
        await client.send("bye");
        await client.receiveAll();
      }
      await client.close();
      assertEquals(client.error, null);
    },
  })),
  {
    name: "a client that says nothing for longer than a worker waits in accept is served",
    async run(address) {
      const client = await Client.open(address);
      await client.send("before\n");
      assertEquals(await client.receiveText(7), "before\n");
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await client.send("after\nbye");
      assertEquals(new TextDecoder().decode(await client.receiveAll()), "after\n");
      await client.close();
    },
  },
  {
    name: "bye in three segments ends the connection",
    async run(address) {
      const client = await Client.open(address);
      for (const [text, echo] of [["goodb", "goodb"], ["y", "y"]]) {
        await client.send(text);
        assertEquals(await client.receiveText(text.length), echo);
      }
      await client.send("e and more");
      assertEquals((await client.receiveAll()).length, 0);
      await client.close();
    },
  },
  {
    name: "100 KB after bye do not turn the close into a reset",
    async run(address) {
      const client = await Client.open(address);
      await client.send("hello bye");
      await client.send(new Uint8Array(100_000).fill(0x78)).catch(() => {});
      assertEquals(
        new TextDecoder().decode(await client.receiveAll()),
        "hello ",
      );
      await client.close();
      assertEquals(client.error, null);
    },
  },
  {
    name: "a silent client delays no other",
    not: { iterative: ITERATIVE_WAITS },
    async run(address) {
      const silent = [await Client.open(address), await Client.open(address)];
      for (let i = 0; i < 5; i++) await session(address);
      for (const client of silent) await client.close();
    },
  },
  {
    name: "many clients at once are all answered",
    not: { iterative: ITERATIVE_WAITS },
    async run(address, size) {
      const clients = await Promise.all(
        Array.from({ length: size.clients }, () => Client.open(address)),
      );
      await Promise.all(clients.map(async (client, i) => {
        await client.send(`client ${i}\n`);
        assertEquals(
          await client.receiveText(`client ${i}\n`.length, 50_000),
          `client ${i}\n`,
        );
      }));
      await Promise.all(clients.map((client) => client.close()));
    },
  },
  {
    name: "clients that reset, leave at once or half-close harm nobody",
    async run(address) {
      for (let i = 0; i < 20; i++) {
        const client = await Client.open(address);
        if (i % 4 === 0) await client.reset();
        else if (i % 4 === 1) await client.close();
        else if (i % 4 === 2) {
          await client.send("some bytes");
          await client.reset();
        } else {
          client.halfClose();
          assertEquals((await client.receiveAll()).length, 0);
          await client.close();
        }
      }
      await session(address);
    },
  },
  {
    name: "resets before accept leave every acceptor at work",
    async run(address, size) {
      for (let count = 0; count < size.resets; count += size.clients) {
        await Promise.all(Array.from({ length: size.clients }, async () => {
          const client = await Client.open(address);
          await client.reset();
        }));
      }
      await session(address);
    },
  },
  {
    name: "a client that never reads holds up only itself, and the server stops reading from it",
    not: { iterative: ITERATIVE_WAITS },
    async run(address) {
      const client = await Client.open(address);
      client.pause();
      let taken = 0;
      const chunk = new Uint8Array(1 << 20).fill(0x78);
      const flood = (async () => {
        for (let i = 0; i < 256; i++) {
          await client.send(chunk);
          taken += chunk.length;
        }
      })().catch(() => {});
      let before = -1;
      await until("back-pressure", async () => {
        const still = taken === before;
        before = taken;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return still && taken === before;
      });
      assert(
        taken < chunk.length * 64,
        `the server took ${taken} bytes that nobody read`,
      );
      await session(address);
      await client.reset();
      await flood;
    },
  },
];
