import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Address } from "../../mod.ts";
import { Client } from "../tools/client.ts";
import { answered, ask, ends, type ExampleCase } from "./example.ts";
import { portOf, run, tool, without } from "./real_clients.ts";
import { exampleTests } from "./run_example.ts";

const HELLO = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\nHello\n";

function echoed(body: string, keep = "keep-alive"): string {
  return `HTTP/1.1 200 OK\r\nConnection: ${keep}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Sends it on a connection of its own, and takes all that comes back. */
async function all(address: Address, request: string): Promise<string> {
  const client = await Client.open(address);
  await client.send(request);
  const text = new TextDecoder().decode(await client.receiveAll());
  await client.close();
  assertEquals(client.error, null);
  return text;
}

/** What is not exactly HTTP, and what it gets. */
const REFUSED: Record<string, string> = {
  "NONSENSE\r\n\r\n": "400",
  "GET / HTTP/1.1\r\n\r\n": "400", // no Host
  "GET / HTTP/2.0\r\nHost: x\r\n\r\n": "400",
  "GET  / HTTP/1.1\r\nHost: x\r\n\r\n": "400",
  "GET / HTTP/1.1\nHost: x\n\n": "400",
  "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n": "400",
  "GET / HTTP/1.1\r\nHost : x\r\n\r\n": "400",
  "GET / HTTP/1.1\r\nHost: x\r\n on\r\n\r\n": "400",
  "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n": "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n":
    "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n":
    "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc": "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc": "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc": "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc": "400",
  "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": "501",
  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n":
    "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n":
    "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n": "400",
  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n": "413",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n": "413",
  [
    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "1\r\nx\r\n".repeat(16385) + "0\r\n\r\n"
  ]: "413",
  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n": "400",
};

const HTTP: readonly ExampleCase[] = [
  {
    name: "requests that come together are answered in their order, wherever they are cut",
    async run({ address }) {
      const client = await Client.open(address);
      const requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n" +
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nG\r\n\r\n??" +
        "POST /echo HTTP/1.1\r\nhost:x\r\ntransfer-encoding: Chunked\r\n\r\n" +
        "3;a=b\r\nabc\r\n1 \r\nd\r\n00\r\nTrailer: 1\r\n\r\n" +
        "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" +
        "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
      const replies = HELLO + echoed("G\r\n\r\n??") +
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" +
        "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\n" +
        "HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 22\r\n\r\n" +
        "There is nothing here\n";
      await ask(client, requests, replies);
      for (const byte of new TextEncoder().encode(requests)) {
        await client.send(new Uint8Array([byte]));
      }
      await answered(client, replies);
      client.halfClose();
      await ends(client);
    },
  },
  {
    name: "a client that says so is its last, and so is one of HTTP/1.0",
    async run({ address }) {
      const close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nHello\n";
      const first = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n";
      assertEquals(await all(address, first + first), close);
      assertEquals(await all(address, "GET / HTTP/1.0\r\n\r\n"), close);
      const client = await Client.open(address);
      await ask(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HELLO);
      await client.close();
    },
  },
  {
    name: "who expects to be told to go on is told before the body",
    async run({ address }) {
      const client = await Client.open(address);
      await client.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
      );
      await answered(client, "HTTP/1.1 100 Continue\r\n\r\n");
      await ask(client, "body", echoed("body"));
      await client.close();
    },
  },
  {
    name: "what is not exactly HTTP is refused, and nothing behind it is served",
    async run({ address }) {
      for (const [request, status] of Object.entries(REFUSED)) {
        const reply = await all(address, HELLO_REQUEST + request + HELLO_REQUEST);
        assert(reply.startsWith(HELLO), request);
        assertMatch(reply.slice(HELLO.length), new RegExp(`^HTTP/1.1 ${status} [^]*: close\r\n`));
        assertEquals(reply.match(/HTTP\/1.1/g)?.length, 2, request);
      }
    },
  },
  {
    name: "a head that is too large is refused before it ends",
    async run({ address }) {
      const head = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
      assertMatch(await all(address, head + "a".repeat(16384)), /^HTTP\/1.1 431 /);
      assertMatch(await all(address, head + "a\r\nA: ".repeat(5000)), /^HTTP\/1.1 431 /);
    },
  },
  {
    name: `curl is served${without("curl")}`,
    not: tool("curl"),
    async run({ address }) {
      const url = `http://127.0.0.1:${portOf(address)}`;
      assertEquals((await run("curl", ["-s", url, `${url}/`])).stdout, "Hello\nHello\n");
      const body = "x".repeat(300_000);
      const file = await Deno.makeTempFile();
      await Deno.writeTextFile(file, body);
      try {
        const post = ["-s", "--data-binary", `@${file}`, `${url}/echo`];
        assertEquals((await run("curl", post)).stdout, body);
        const chunked = ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"];
        assertEquals((await run("curl", [...chunked, ...post])).stdout, body);
      } finally {
        await Deno.remove(file);
      }
      assertMatch((await run("curl", ["-sI", url])).stdout, /^HTTP\/1.1 200 OK\r\n/);
    },
  },
  {
    name: `wrk is served${without("wrk")}`,
    not: { ...tool("wrk"), iterative: "its clients are many at once" },
    async run({ address }) {
      const url = `http://127.0.0.1:${portOf(address)}/`;
      const { code, stdout } = await run("wrk", ["-t", "1", "-c", "2", "-d", "1", url]);
      assertEquals(code, 0, stdout);
      assert(Number(/(\d+) requests in/.exec(stdout)?.[1]) > 0, stdout);
      assert(!/Socket errors|Non-2xx/.test(stdout), stdout);
    },
  },
];

const HELLO_REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

exampleTests({ file: "http.ts", cases: HTTP });
