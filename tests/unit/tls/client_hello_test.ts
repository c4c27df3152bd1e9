/** Whom a client means, read out of its first message. */
import { assert, assertEquals } from "@std/assert";
import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { parseClientHello } from "../../../src/tls/client_hello.ts";
import { test } from "../../tools/unit.ts";

/** What this runtime's client begins with. */
async function helloOf(servername: string | undefined): Promise<Uint8Array> {
  const sent = Promise.withResolvers<Uint8Array>();
  const socket = new Duplex({
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      sent.resolve(Uint8Array.from(chunk));
      done();
    },
  });
  const client = connect({ socket, ...(servername === undefined ? {} : { servername }) });
  client.on("error", () => {});
  const hello = await sent.promise;
  client.destroy();
  return hello;
}

test("the name that a client asks for is found, in small letters, and may be missing", async () => {
  assertEquals(parseClientHello(await helloOf("A.example")), { servername: "a.example" });
  assertEquals(parseClientHello(await helloOf(undefined)), { servername: null });
});

test("a hello that is cut anywhere waits for more", async () => {
  const hello = await helloOf("a.example");
  for (let length = 0; length < hello.length; length++) {
    assertEquals(parseClientHello(hello.subarray(0, length)), "more", `${length}`);
  }
});

test("a hello in several records is one", async () => {
  const hello = await helloOf("a.example");
  const message = hello.subarray(5);
  const records: number[] = [];
  for (let at = 0; at < message.length; at += 7) {
    const part = message.subarray(at, at + 7);
    records.push(22, 3, 1, 0, part.length, ...part);
  }
  assertEquals(parseClientHello(Uint8Array.from(records)), { servername: "a.example" });
  assertEquals(parseClientHello(Uint8Array.from(records.slice(0, -1))), "more");
});

test("what is no TLS is told by its first bytes", () => {
  const encoder = new TextEncoder();
  for (const text of ["GET / HTTP/1.1\r\n", "\n", "SSH-2.0-x", "hello"]) {
    assertEquals(parseClientHello(encoder.encode(text)), "no TLS");
  }
  assertEquals(parseClientHello(Uint8Array.of(22, 9)), "no TLS");
  assertEquals(parseClientHello(Uint8Array.of(22, 3, 1, 0, 5, 2)), "no TLS"); // a server's hello
});

test("no mutation of one byte makes it throw, or find a name that is none", async () => {
  const hello = await helloOf("a.example");
  for (let at = 0; at < hello.length; at++) {
    for (const value of [0, 1, 127, 255, hello[at] ^ 1, hello[at] ^ 128]) {
      const mutated = Uint8Array.from(hello);
      mutated[at] = value;
      const found = parseClientHello(mutated);
      if (typeof found === "string" || found.servername === null) continue;
      assert(/^[\x21-\x7e]{1,253}$/.test(found.servername), found.servername);
    }
  }
});
