/**
 * What a user of each example would notice: data, run by whoever has a server
 * that serves it. Nothing of a runtime is named here.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createServer, type Socket } from "node:net";
import type { Address, ModelName } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";

/** A server that serves an example. */
export interface Site {
  readonly address: Address;
  readonly model: ModelName;
  /** What it has reported so far. */
  log(): string;
  /** Begins a graceful shutdown. */
  shutdown(): void;
}

/** One thing that an example does. */
export interface ExampleCase {
  readonly name: string;
  /** Models that it is not run under, with the reason. */
  readonly not?: Partial<Record<ModelName, string>>;
  /**
   * Models under which the server ends, so that it needs one of its own, with
   * the exit code (128 and the signal's number for a signal).
   */
  readonly ends?: Partial<Record<ModelName, number>>;
  run(site: Site): Promise<void>;
}

/** An example, and what must hold for it. */
export interface Example {
  /** Its file in examples/. */
  readonly file: string;
  /** A second set of cases for the same file is told apart by this. */
  readonly when?: string;
  /** It takes its process down, so it is never served inside a test's. */
  readonly crashes?: boolean;
  /** Makes what it needs: variables of the environment. */
  prepare?(): Promise<{ env: Record<string, string>; close(): Promise<void> }>;
  readonly cases: readonly ExampleCase[];
}

const ITERATIVE_WAITS = "one client at a time is what this model is";
const EVERYWHERE = { multiplex: 0, iterative: 0, thread: 0, process: 0 };

/** Sends `text`, and takes exactly `reply`. */
async function ask(client: Client, text: string | Uint8Array, reply: string): Promise<void> {
  await client.send(text);
  await answered(client, reply);
}

async function answered(client: Client, reply: string): Promise<void> {
  assertEquals(await client.receiveText(new TextEncoder().encode(reply).length), reply);
}

/** The next line, with its end. */
async function line(client: Client): Promise<string> {
  let text = "";
  while (!text.endsWith("\n")) text += await client.receiveText(1);
  return text;
}

/** The end of the stream, and nothing before it; FIN, not RST. */
async function ends(client: Client): Promise<void> {
  assertEquals(new TextDecoder().decode(await client.receiveAll()), "");
  await client.close();
  assertEquals(client.error, null);
}

async function refused(address: Address): Promise<boolean> {
  try {
    await (await Client.open(address)).close();
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ECONNREFUSED";
  }
}

const KEY_VALUE: readonly ExampleCase[] = [
  {
    name: "many commands in one segment are answered one by one",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send(
        "SET a 1\nSET b two  words \nGET a\nGET b\nKEYS\nset a\nDEL a\nDEL a\nGET a\nkeys\nQUIT\nGET b\n",
      );
      await answered(
        client,
        "OK\nOK\nVALUE 1\nVALUE two  words \nKEYS a b\nERROR it is SET key value\nOK\nNONE\nNONE\nKEYS b\nBYE\n",
      );
      await ends(client);
    },
  },
  {
    name: "a command may be split anywhere, in a character too",
    async run({ address }) {
      const client = await Client.open(address);
      const command = new TextEncoder().encode("SET grün größer 🌍\r\n");
      for (let at = 1; at < command.length; at++) {
        // The answer to KEYS says that the first part has been read.
        const first = new Uint8Array([
          ...new TextEncoder().encode("KEYS\n"),
          ...command.subarray(0, at),
        ]);
        await ask(client, first, at === 1 ? "KEYS\n" : "KEYS grün\n");
        await ask(client, command.subarray(at), "OK\n");
        await ask(client, "GET grün\n", "VALUE größer 🌍\n");
      }
      await ask(client, "QUIT\n", "BYE\n");
      await ends(client);
    },
  },
  {
    name: "a line that is too long gets one error, and the next one is a command again",
    async run({ address }) {
      const client = await Client.open(address);
      const value = "x".repeat(1024 - "SET a \n".length);
      await ask(client, `SET a ${value}\n`, "OK\n");
      await ask(client, `SET b ${value}x\n`, "ERROR a line has at most 1024 bytes\n");
      await ask(
        client,
        `SET c ${"y".repeat(1_000_000)}\nKEYS\nGET a\n`,
        `ERROR a line has at most 1024 bytes\nKEYS a\nVALUE ${value}\n`,
      );
      // The error does not wait for the end of the line.
      await ask(client, "z".repeat(5000), "ERROR a line has at most 1024 bytes\n");
      await ask(client, "zzz\nDEL a\n", "OK\n");
      client.halfClose();
      await ends(client);
    },
  },
  {
    name: "a line without an end is no command",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send("KEYS\nSET a 1");
      client.halfClose();
      await answered(client, "KEYS\n");
      await ends(client);
    },
  },
  {
    name: "a wrong command gets an error, and a store has an end",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "\n", "ERROR the commands are SET, GET, DEL, KEYS and QUIT\n");
      await ask(client, "FLY a b\n", "ERROR the commands are SET, GET, DEL, KEYS and QUIT\n");
      await ask(client, "GET\nDEL\n", "ERROR it is GET key\nERROR it is DEL key\n");
      let commands = "";
      for (let i = 0; i < 1000; i++) commands += `SET ${i} ${i}\n`;
      await ask(client, commands, "OK\n".repeat(1000));
      await ask(client, "SET more 1\nSET 999 new\n", "ERROR the store is full\nOK\n");
      await client.close();
    },
  },
  {
    name: "a store ends with its connection",
    async run({ address }) {
      // More than there are workers, so that one of them gets a second client.
      for (let i = 0; i < 8; i++) {
        const client = await Client.open(address);
        await ask(client, "KEYS\nSET mine 1\nQUIT\n", "KEYS\nOK\nBYE\n");
        await ends(client);
      }
    },
  },
  {
    name: "two clients do not see each other's store",
    not: { iterative: ITERATIVE_WAITS },
    async run({ address }) {
      const [one, two] = await Promise.all([Client.open(address), Client.open(address)]);
      await ask(one, "SET a one\n", "OK\n");
      await ask(two, "GET a\nSET a two\n", "NONE\nOK\n");
      await ask(one, "GET a\n", "VALUE one\n");
      await one.close();
      await two.close();
    },
  },
];

/** By Python's hashlib: SHA-256, 100,000 times. */
const HASHES = {
  hello: "70ef65897fbe9afb5dfe8c825327057d1e174e0dfc3d299c340aeb35adcadfe3\n",
  grüße: "18babfe6b44ae868426932bb49ee0e2caced7361a2aef61c47fcd51955a59e59\n",
  "10,000 a": "bda5dd39b8f99b47e77faa0c83005067f63379f6617c54021961d0c486e3e33a\n",
};

/** More lines than are hashed while the machine pauses for ten seconds. */
const MANY = 150;

const HASH: readonly ExampleCase[] = [
  {
    name: "lines are hashed, wherever they are split",
    async run({ address }) {
      const client = await Client.open(address);
      const [before, after] = ["hello\ngr\xc3", "\xbc\xc3\x9fe\n"].map((text) =>
        Uint8Array.from(text, (c) => c.charCodeAt(0))
      );
      await ask(client, before, HASHES.hello);
      await ask(client, after, HASHES.grüße);
      await ask(client, "a".repeat(10_000) + "\n", HASHES["10,000 a"]);
      client.halfClose();
      await ends(client);
    },
  },
  {
    name: "a client with one line does not wait for one with many",
    not: { iterative: ITERATIVE_WAITS, multiplex: "one thread hashes for all" },
    async run({ address }) {
      const many = await Client.open(address);
      await many.send("hello\n".repeat(MANY));
      const one = await Client.open(address);
      await ask(one, "hello\n", HASHES.hello);
      const done = many.received / HASHES.hello.length;
      assert(done < MANY - 1, `${done} of ${MANY} lines came first`);
      await many.reset();
      await one.close();
    },
  },
];

/** What a line of the crash example ends. */
type Ends = "nothing" | "connection" | "server";

function crash(
  line: string,
  ends: Record<ModelName, Ends>,
  reported: RegExp,
  exitCode: number,
): ExampleCase {
  const models = Object.keys(ends) as ModelName[];
  return {
    name: `${line} ends what the header says`,
    ends: Object.fromEntries(
      models.filter((model) => ends[model] === "server").map((model) => [model, exitCode]),
    ),
    async run({ address, model, log }) {
      const other = model === "iterative" ? null : await Client.open(address);
      if (other) await ask(other, "hello\n", "hello\n");
      const client = await Client.open(address);
      await ask(client, "hello\n", "hello\n");
      const logged = log().length;
      await ask(client, `${line}\n`, `${line}\n`);

      if (ends[model] === "nothing") {
        await until("the report", () => reported.test(log().slice(logged)));
        await ask(client, "still here\n", "still here\n");
      } else {
        await until("the connection's end", () => client.ended || client.closed);
      }
      await client.close();

      if (ends[model] === "server") {
        if (other) await until("the other's end", () => other.ended || other.closed);
        await until("nobody listens", () => refused(address));
      } else {
        await until("the report", () => reported.test(log().slice(logged)));
        if (other) await ask(other, "still here\n", "still here\n");
        const next = await Client.open(address);
        await ask(next, "hello\n", "hello\n");
        await next.close();
      }
      await other?.close();
    },
  };
}

const CRASH: readonly ExampleCase[] = [
  {
    name: "lines come back, wherever they are split",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "one\ntwo\nth", "one\ntwo\n");
      await ask(client, "row\n", "throw\n");
      await ends(client);
    },
  },
  {
    name: "a line without an end ends its connection",
    async run({ address, log }) {
      const client = await Client.open(address);
      await client.send("x".repeat(10_000));
      await ends(client);
      await until("the report", () => log().includes("a line without an end"));
    },
  },
  crash(
    "throw",
    {
      multiplex: "connection",
      iterative: "connection",
      thread: "connection",
      process: "connection",
    },
    /"reason":"error","error":"thrown on purpose"/,
    0,
  ),
  crash(
    "late",
    { multiplex: "nothing", iterative: "nothing", thread: "connection", process: "connection" },
    /late on purpose/,
    0,
  ),
  crash(
    "exit",
    { multiplex: "server", iterative: "server", thread: "connection", process: "connection" },
    /"reason":"worker","error":"exit code 3"/,
    3,
  ),
  crash(
    "kill",
    { multiplex: "server", iterative: "server", thread: "server", process: "connection" },
    /"reason":"worker","error":"SIGKILL"/,
    128 + 9,
  ),
];

/** A server that the proxy stands before: an echo that obeys a first line. */
class Upstream {
  readonly sockets = new Set<Socket>();
  /** What its connections have got. */
  received = "";
  /** Bytes of the flood that the kernel has taken. */
  flooded = 0;
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    this.sockets.add(socket);
    this.received = "";
    this.flooded = 0;
    let flooding = false;
    socket.on("error", () => {});
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (bytes: Uint8Array) => {
      const text = new TextDecoder("latin1").decode(bytes);
      this.received += text;
      if (text === "finish first\n") socket.end("done");
      else if (text === "reset\n") socket.resetAndDestroy();
      else if (text === "flood\n") {
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
      assertEquals(upstream.sockets.size, 1);
      client.halfClose();
      await until("the upstream's end", () => upstream.sockets.size === 0);
      await client.close();
      assertEquals(client.error, null);
    },
  },
  {
    name: "a client that resets ends the upstream's connection",
    async run({ address }) {
      const client = await Client.open(address);
      await ask(client, "hello\n", "hello\n");
      assertEquals(upstream.sockets.size, 1);
      await client.reset();
      await until("the upstream's end", () => upstream.sockets.size === 0);
    },
  },
  {
    name: "an upstream that resets ends the client's connection",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send("reset\n");
      await until("the client's end", () => client.ended || client.closed);
      await client.close();
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
    name: "a client gets the end of the stream, and the log says why",
    async run({ address, log }) {
      const client = await Client.open(address);
      await client.send("hello\n");
      await ends(client);
      await until("the report", () => log().includes("ECONNREFUSED"));
    },
  },
];

/** What examples/heartbeat.ts says, and how often. */
const BEAT = "still here\n";
const SILENCE = 500;

/** How many beats come before this line. */
async function beatsBefore(client: Client, expected: string): Promise<number> {
  let beats = 0;
  let text;
  while ((text = await line(client)) === BEAT) beats++;
  assertEquals(text, expected);
  return beats;
}

const HEARTBEAT: readonly ExampleCase[] = [
  {
    name: "a silent client hears a beat, and another",
    async run({ address }) {
      const start = performance.now();
      const client = await Client.open(address);
      await answered(client, BEAT);
      assert(performance.now() - start > SILENCE / 2, "it beats at once");
      await answered(client, BEAT);
      client.halfClose();
      await client.receiveAll();
      await client.close();
    },
  },
  {
    name: "a client that talks gets its own words, and no beat until it is silent again",
    async run({ address }) {
      const client = await Client.open(address);
      // It counts from the last long pause, ours or the machine's: a beat may come in that.
      let quiet = 0;
      let sent = performance.now();
      await until("a conversation without a pause", async () => {
        const before = sent;
        sent = performance.now();
        await client.send("hello\n");
        const beats = await beatsBefore(client, "hello\n");
        if (performance.now() - before > SILENCE * 0.8) quiet = 0;
        else {
          assertEquals(beats, 0, "it beats while the client talks");
          quiet += sent - before;
        }
        await new Promise((resolve) => setTimeout(resolve, SILENCE / 10));
        return quiet > 2.5 * SILENCE;
      });
      await answered(client, BEAT); // now that it is silent
      await client.close();
    },
  },
  {
    name: "at shutdown it says goodbye, to a client that talked too",
    ends: EVERYWHERE,
    async run({ address, model, log, shutdown }) {
      const count = model === "iterative" ? 1 : 2;
      const clients = await Promise.all(
        Array.from({ length: count }, () => Client.open(address)),
      );
      for (const client of clients) {
        await client.send("hello\n");
        await beatsBefore(client, "hello\n"); // if the machine paused meanwhile
      }
      shutdown();
      for (const client of clients) {
        const last = new TextDecoder().decode(await client.receiveAll());
        assertMatch(last, /^(still here\n)*goodbye\n$/);
        await client.send("too late\n");
        await client.close();
        assertEquals(client.error, null);
      }
      const closed = () => log().match(/"type":"closed"[^\n]*?"reason":"\w+"/g) ?? [];
      await until("the reports", () => closed().length === count);
      for (const line of closed()) assert(line.endsWith('"reason":"handler"'), log());
    },
  },
];

export const EXAMPLES: readonly Example[] = [
  { file: "key_value.ts", cases: KEY_VALUE },
  { file: "hash.ts", cases: HASH },
  { file: "crash.ts", crashes: true, cases: CRASH },
  {
    file: "proxy.ts",
    cases: PROXY,
    async prepare() {
      upstream = new Upstream();
      const port = await upstream.open();
      return { env: { UPSTREAM: `127.0.0.1:${port}` }, close: () => upstream.close() };
    },
  },
  {
    file: "proxy.ts",
    when: "its upstream is not there",
    cases: PROXY_TO_NOBODY,
    // A port that the system gives nobody.
    prepare: () => Promise.resolve({ env: { UPSTREAM: "127.0.0.1:1" }, close: async () => {} }),
  },
  { file: "heartbeat.ts", cases: HEARTBEAT },
];
