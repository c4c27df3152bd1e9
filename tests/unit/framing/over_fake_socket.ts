/** Messages over a fake socket, and what the tests of them ask. */
import { Framed, type FramedOptions } from "../../../mod.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { FakeSocket, type Kind } from "../../tools/fake_socket.ts";

/** A connection as messages, and the socket under it. */
export function open(kind: Kind, options?: FramedOptions) {
  const socket = new FakeSocket(kind);
  const connection = new SocketConnection(socket);
  return { socket, connection, io: new Framed(connection, options) };
}

/** The text in two parts, cut at each byte, and byte by byte. */
export function* cuts(text: string): Generator<string[]> {
  for (let at = 1; at < text.length; at++) yield [text.slice(0, at), text.slice(at)];
  yield [text];
  yield text.split("");
}
