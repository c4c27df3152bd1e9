/**
 * The PROXY header that a trusted sender must send before all else, in every model.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import { Networks } from "../connection/networks.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import { type ParsedHeader, parseProxyHeader } from "../proxy/parse.ts";
import { LONGEST_HEADER } from "../proxy/proxy_header.ts";
import { type Found, type Prelude, Refused } from "./prelude.ts";

/** Whose PROXY headers are read; plain values, so that a worker can be told. */
export interface ProxySettings {
  /** The networks of those who must send one, see `Networks`; nobody else is served. */
  readonly trusted: readonly string[];
  /** Milliseconds for the whole header. */
  readonly timeout: number;
}

/** Reads the header. Who may send one is decided by the socket's address alone. */
export function proxyPrelude({ trusted, timeout }: ProxySettings): Prelude {
  const networks = new Networks(trusted);
  return {
    timeout,
    refusal: "proxy_header",
    late: "proxy_timeout",
    run(connection) {
      if (networks.has(connection.remoteAddr)) return readHeader(connection);
      return Promise.reject(new Refused("proxy_untrusted"));
    },
  };
}

async function readHeader(connection: SocketConnection): Promise<Found> {
  const peer = connection.remoteAddr;
  const buffer = new Uint8Array(LONGEST_HEADER);
  for (let filled = 0;;) {
    const length = await read(connection, buffer.subarray(filled));
    if (length === null) {
      if (filled === 0) return { left: true };
      throw new Refused("proxy_header", "it left in the middle of one");
    }
    filled += length;
    const found = parse(buffer.subarray(0, filled));
    if (typeof found === "number") continue;
    const { source, destination } = found.message;
    return {
      ...(source && destination ? { remoteAddr: source, localAddr: destination } : {}),
      proxy: { ...found.message, peer },
      unread: buffer.subarray(found.length, filled),
    };
  }
}

/** A sender that resets has left, too. */
async function read(connection: SocketConnection, buffer: Uint8Array): Promise<number | null> {
  try {
    return await connection.read(buffer);
  } catch (error) {
    if (connection.closedBy !== null) throw error;
    return null;
  }
}

function parse(bytes: Uint8Array): ParsedHeader {
  try {
    return parseProxyHeader(bytes);
  } catch (error) {
    throw new Refused("proxy_header", errorMessage(error));
  }
}
