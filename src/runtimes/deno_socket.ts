/**
 * Sockets of Deno's own event loop.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { Socket } from "../connection/socket.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import { fail, systemError } from "./deno_errors.ts";

/** An address as Trivet writes it. */
export function addressOf(addr: Deno.Addr): Address {
  if (addr.transport === "unix" || addr.transport === "unixpacket") {
    return { transport: "unix", path: addr.path ?? "" };
  }
  const { hostname, port } = addr as Deno.NetAddr;
  return { transport: "tcp", hostname, port };
}

class DenoSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.localAddr = addressOf(conn.localAddr);
    this.remoteAddr = addressOf(conn.remoteAddr);
    if (this.localAddr.transport === "tcp") {
      (conn as Deno.TcpConn).setNoDelay(true);
      (conn as Deno.TcpConn).setKeepAlive(true);
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch {
      // The peer has reset: there is nobody to send FIN to.
    }
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Deno has closed it already, after a reset.
    }
  }

  reset(): never {
    this.close();
    throw new SystemError(
      "ENOTSUP",
      "Cannot reset on Deno's own event loop, the connection is closed: run with --allow-ffi",
    );
  }
}

/**
 * A connection over a socket of Deno's.
 * @throws {SystemError} if the peer has reset it already
 */
export function wrap(conn: Deno.Conn): SocketConnection {
  try {
    return new SocketConnection(new DenoSocket(conn), systemError);
  } catch (error) {
    conn.close();
    throw systemError(error);
  }
}

/** Connects on Deno's loop. Rejects with a POSIX `code`. */
export async function connect(address: Address, signal?: AbortSignal): Promise<SocketConnection> {
  return wrap(
    await (address.transport === "unix"
      ? Deno.connect({ transport: "unix", path: address.path })
      : Deno.connect({ hostname: address.hostname, port: address.port, signal }))
      .catch(fail),
  );
}
