/**
 * What everything in Trivet speaks: a connection, what accepts it, and the
 * addresses of its two ends.
 * @module
 */

import type { TlsInfo } from "./tls_info.ts";
import type { ConnectTlsOptions, TlsOptions } from "./tls_options.ts";

/** An end of a TCP connection: a numeric address and a port. */
export interface TcpAddress {
  /** The kind of address. */
  readonly transport: "tcp";
  /** An IPv4 or IPv6 address, or a name where one is looked up. */
  readonly hostname: string;
  /** 0 to 65535; 0 asks the system for a free one. */
  readonly port: number;
}

/** An end of a Unix-domain connection; a client's path is usually empty. */
export interface UnixAddress {
  /** The kind of address. */
  readonly transport: "unix";
  /** The socket's path in the file system. */
  readonly path: string;
}

/** Where something listens or is connected to. */
export type Address = TcpAddress | UnixAddress;

/** One accepted stream. Errors are `Error`s whose `code` is the POSIX name. */
export interface Connection<Ends extends Address = Address> {
  /** This end. */
  readonly localAddr: Ends;
  /** The client's end. */
  readonly remoteAddr: Ends;
  /**
   * Bytes that came, written to `buffer`: how many, at least 1, or `null` at
   * the end of the stream. The buffer is the connection's until the promise settles.
   * One read at a time: a second one, for which an `await` is missing, resets the
   * connection.
   * @throws {SystemError} at once, and not by a rejection, `EBUSY` for a second read
   * @throws {TypeError} if it is no `Uint8Array`
   * @throws {RangeError} if the buffer has no room.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes all of `bytes`, after the writes called before. Resolves when the
   * kernel has taken them, so it waits while the peer does not read. The bytes
   * must not change until then. Rejects with `EPIPE` after
   * {@linkcode Connection.closeWrite}, and with the first error for ever.
   *
   * Several pieces, such as a header and a body, go out as if they were one:
   * `write([header, body])` is one system call, and copies nothing large, where
   * sockets are called directly; elsewhere it is one up to 64 KiB.
   * @throws {TypeError} if they are no `Uint8Array`
   */
  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void>;
  /** Sends FIN after the writes called before it; reading goes on. Idempotent. */
  closeWrite(): Promise<void>;
  /** Closes at once; pending and later calls reject with `EBADF`. Idempotent. */
  close(): void;
  /**
   * Closes at once with RST, so that the peer knows that this was no good end; what it
   * has not got yet, it may not get. Idempotent. A Unix socket just ends.
   * @throws {SystemError} with `ENOTSUP` where it could only be closed: on Deno's own
   * event loop, which is used without `--allow-ffi`
   */
  reset(): void;
  /** What the handshake has agreed on; null while the connection is not encrypted. */
  readonly tls: TlsInfo | null;
  /**
   * Encrypts from here on, after the writes called before it; what was read before came
   * unencrypted, so what of it nobody has taken is dropped, also by a `Framed` (RFC 9325, 3.2;
   * CVE-2011-0411). Until it resolves, nobody else may read or write. The connection is a
   * server's with {@linkcode TlsOptions} if it was accepted, a client's with
   * {@linkcode ConnectTlsOptions} if `connect` gave it. Files are read once for each object of
   * options.
   * @throws {SystemError} with `EPROTO` if the ends do not agree, `ETIMEDOUT` if that takes
   * too long, `EALREADY` if it is encrypted, `EBUSY` while it begins already, `ENOTSUP` in a
   * blocking handler
   * @throws {TypeError} for a wrong option
   */
  startTls(options?: TlsOptions | ConnectTlsOptions): Promise<TlsInfo>;
  /** The bytes that come, as a stream; it reads only when it is asked to. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes that go; closing it is `closeWrite`, aborting it is `reset`. */
  readonly writable: WritableStream<Uint8Array>;
}

/** What accepts connections. */
export interface Listener {
  /** Where it listens; the real port where 0 was asked for. */
  readonly addr: Address;
  /** The next connection, or `null` once the listener is closed. */
  accept(): Promise<Connection | null>;
  /** Stops listening; a pending `accept` resolves to `null`. Idempotent. */
  close(): void;
}

/** The address as people write it: `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
export function formatAddress(address: Address): string {
  if (address.transport === "unix") return `unix:${address.path}`;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
