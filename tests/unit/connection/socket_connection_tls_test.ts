/** `startTls`: what is written and read before it, while it begins, and after it. */
import { assertEquals, assertRejects } from "@std/assert";
import { Framed } from "../../../src/framing/framed.ts";
import { bytes, settle, test } from "../../tools/unit.ts";
import { code, open, read } from "./over_fake_socket.ts";

const INFO = { protocol: "TLSv1.3", cipher: "x", servername: null, alpn: null, peer: null };

/** A connection whose handshakes end when `shaken` is resolved. */
function opened() {
  const { socket, connection } = open("loop");
  const shaken = Promise.withResolvers<void>();
  connection.tlsStarter = async () => {
    await shaken.promise;
    return INFO;
  };
  return { socket, connection, shaken };
}

test("nothing is written or read in plain text while TLS begins", async () => {
  const { socket, connection, shaken } = opened();
  const starting = connection.startTls();
  assertEquals(await code(connection.write(bytes("secret"))), "EBUSY");
  socket.arrive("injected");
  assertEquals(await code(connection.read(new Uint8Array(10))), "EBUSY");
  assertEquals(await code(connection.startTls()), "EBUSY");
  await settle();
  assertEquals([await code(connection.write(bytes("secret"))), socket.received], ["EBUSY", ""]);
  shaken.resolve();
  assertEquals(await starting, INFO);
  await connection.write(bytes("hello"));
  assertEquals([await read(connection), socket.received], ["injected", "hello"]);
});

test("after options that are wrong the connection goes on as it was", async () => {
  const { socket, connection } = opened();
  connection.tlsStarter = () => Promise.reject(new TypeError("a wrong option"));
  await assertRejects(() => connection.startTls(), TypeError);
  await connection.write(bytes("plain"));
  assertEquals(socket.received, "plain");
});

test("what a Framed holds back is written before TLS begins, and what it has read is dropped", async () => {
  const { socket, connection, shaken } = opened();
  const io = new Framed(connection, { collect: true });
  socket.arrive("STARTTLS\ninjected\n");
  assertEquals(await io.readLine(), "STARTTLS");
  void io.writeLine("go on");
  const starting = connection.startTls();
  await settle();
  assertEquals(socket.received, "go on\n");
  shaken.resolve();
  await starting;
  socket.arrive("secret\n");
  assertEquals(await io.readLine(), "secret");
});
