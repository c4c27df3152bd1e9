/**
 * A PROXY header as bytes, for a handler that passes its clients on.
 * @module
 */
import type { Address, TcpAddress } from "../connection/connection.ts";
import { formatIp, parseIp } from "../connection/ip_address.ts";
import { crc32c } from "./crc32c.ts";
import { LONGEST_HEADER, SIGNATURE, TLV } from "./proxy_header.ts";
import { TLV_HEAD } from "./tlvs.ts";
import { FIXED_LENGTH, LOCAL, PROXY, TCP4, TCP6, UNIX, UNIX_PATH, UNSPEC } from "./v2.ts";

/** What a header shall say. */
export interface ProxyHeaderOptions {
  /** 1 is a line of text, 2 is binary. @default {2} */
  version?: 1 | 2;
  /** The client's end, numeric; without both ends the connection is the proxy's own (LOCAL, UNKNOWN). */
  source?: Address | null;
  /** The end that the client has called, numeric. */
  destination?: Address | null;
  /** Values by type, such as those of `context.proxy.tlvs`; for version 2. */
  tlvs?: Iterable<readonly [type: number, value: Uint8Array]>;
  /** Whether a checksum goes with it; for version 2. @default {false} */
  checksum?: boolean;
}

/**
 * The header. It is the first that is written on a connection, in one write.
 *
 * @example
 * ```ts
 * import { connect, encodeProxyHeader, type Handler, pipe } from "./mod.ts";
 *
 * const proxy: Handler = async (client) => {
 *   const upstream = await connect({ port: 8888 });
 *   const { remoteAddr: source, localAddr: destination } = client;
 *   await upstream.write(encodeProxyHeader({ source, destination }));
 *   await Promise.all([pipe(client, upstream), pipe(upstream, client)]);
 * };
 * ```
 * @throws {TypeError} for an address that is not numeric, ends of different kinds, or
 * what such a header cannot say
 */
export function encodeProxyHeader(options: ProxyHeaderOptions = {}): Uint8Array {
  const { version = 2, source = null, destination = null, tlvs = [], checksum = false } = options;
  const values = [...tlvs];
  if (version !== 1 && version !== 2) {
    throw new TypeError(`Cannot send a PROXY header of version ${version}: it is 1 or 2`);
  }
  if ((source === null) !== (destination === null)) {
    throw new TypeError("Cannot send a PROXY header with one end: give source and destination");
  }
  const ends = source && destination ? endsOf(source, destination) : null;
  if (version === 2) return binary(ends, values, checksum);
  if (values.length === 0 && !checksum) return line(ends);
  throw new TypeError("Cannot send tlvs or a checksum in a PROXY header of version 1");
}

/** Both ends, in one family. */
type Ends =
  | { readonly family: 4 | 6; readonly hosts: Uint8Array[]; readonly ports: number[] }
  | { readonly family: "unix"; readonly paths: string[] };

function endsOf(source: Address, destination: Address): Ends {
  const both = [source, destination];
  const tcp = both.filter((end): end is TcpAddress => end.transport === "tcp");
  if (tcp.length === 0) {
    return { family: "unix", paths: both.map((end) => end.transport === "unix" ? end.path : "") };
  }
  if (tcp.length === 1) {
    throw new TypeError("Cannot send a PROXY header with a TCP end and a Unix socket's");
  }
  const hosts = tcp.map(({ hostname }) => {
    const bytes = parseIp(hostname.split("%")[0]);
    if (bytes) return bytes;
    throw new TypeError(`Cannot send a PROXY header with "${hostname}": it is no numeric address`);
  });
  const ports = tcp.map(({ port }) => {
    if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
    throw new TypeError(`Cannot send a PROXY header with port ${port}: it is 0 to 65535`);
  });
  const family = hosts.every(({ length }) => length === 4) ? 4 : 6;
  return { family, hosts: family === 4 ? hosts : hosts.map(asIpv6), ports };
}

/** Both ends are of one family, so IPv4 beside IPv6 is written as IPv6. */
function asIpv6(host: Uint8Array): Uint8Array {
  return host.length === 16 ? host : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...host);
}

function line(ends: Ends | null): Uint8Array {
  const text = ends === null || ends.family === "unix"
    ? "UNKNOWN"
    : `TCP${ends.family} ${ends.hosts.map(formatIp).join(" ")} ${ends.ports.join(" ")}`;
  return new TextEncoder().encode(`PROXY ${text}\r\n`);
}

function binary(
  ends: Ends | null,
  values: (readonly [number, Uint8Array])[],
  checksum: boolean,
): Uint8Array {
  const tail = checksum ? [...values, [TLV.crc32c, new Uint8Array(4)] as const] : values;
  const [family, block] = ends === null ? [UNSPEC, NOTHING] : blockOf(ends);
  const parts = [block, ...tail.flatMap(([type, value]) => [head(type, value), value])];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (FIXED_LENGTH + length > LONGEST_HEADER) {
    throw new TypeError(`Cannot send a PROXY header of more than ${LONGEST_HEADER} bytes`);
  }
  const header = new Uint8Array(FIXED_LENGTH + length);
  header.set(SIGNATURE);
  header.set([ends === null ? LOCAL : PROXY, family, length >> 8, length & 255], SIGNATURE.length);
  let at = FIXED_LENGTH;
  for (const part of parts) {
    header.set(part, at);
    at += part.length;
  }
  if (checksum) new DataView(header.buffer).setUint32(header.length - 4, crc32c(header));
  return header;
}

const NOTHING = new Uint8Array(0);

function head(type: number, value: Uint8Array): Uint8Array {
  if (!Number.isInteger(type) || type < 0 || type > 255 || !(value instanceof Uint8Array)) {
    throw new TypeError(`Cannot send the value ${type}: a type is 0 to 255, a value a Uint8Array`);
  }
  const bytes = new Uint8Array(TLV_HEAD);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint16(1, value.length);
  return bytes;
}

function blockOf(ends: Ends): [family: number, block: Uint8Array] {
  if (ends.family === "unix") {
    const block = new Uint8Array(2 * UNIX_PATH);
    for (const [i, path] of ends.paths.entries()) {
      const bytes = new TextEncoder().encode(path);
      if (bytes.length > UNIX_PATH) {
        throw new TypeError(`Cannot send the path "${path}": it has more than ${UNIX_PATH} bytes`);
      }
      block.set(bytes, i * UNIX_PATH);
    }
    return [UNIX, block];
  }
  const ports = ends.ports.flatMap((port) => [port >> 8, port & 255]);
  const block = Uint8Array.of(...ends.hosts.flatMap((host) => [...host]), ...ports);
  return [ends.family === 4 ? TCP4 : TCP6, block];
}
