/** Connections over a fake socket, and what the tests of them ask. */
import { assertRejects } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { SocketConnection } from "../../../src/connection/socket_connection.ts";
import { within } from "../../tools/client.ts";
import { FakeSocket, type Kind } from "../../tools/fake_socket.ts";
import { text } from "../../tools/unit.ts";

/** A connection, and the socket under it. */
export function open(kind: Kind): { socket: FakeSocket; connection: SocketConnection } {
  const socket = new FakeSocket(kind);
  return { socket, connection: new SocketConnection(socket) };
}

/** What one read gives, as text. */
export async function read(connection: SocketConnection, room = 100): Promise<string | null> {
  const buffer = new Uint8Array(room);
  const length = await connection.read(buffer);
  return length === null ? null : text(buffer.subarray(0, length));
}

/** The code of the error with which it rejects. */
export async function code(promise: Promise<unknown>): Promise<string> {
  return (await within("the rejection", assertRejects(() => promise, SystemError))).code;
}
