/**
 * `struct sockaddr_in`, `sockaddr_in6` and `sockaddr_un` as bytes, see ip(7),
 * ipv6(7) and unix(7).
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import { formatIp, ipBytes } from "../connection/ip_address.ts";
import type { Constants } from "./constants.ts";

/** Room for any of the three. */
export const SOCKET_ADDRESS_SIZE = 128;

/** The address as the kernel wants it; `hostname` must be numeric. */
export function encodeAddress(address: Address, c: Constants): Uint8Array {
  if (address.transport === "unix") {
    const path = new TextEncoder().encode(address.path);
    if (path.length >= c.SUN_PATH) {
      throw new SystemError(
        "ENAMETOOLONG",
        `Cannot listen on "${address.path}": a socket's path has at most ${c.SUN_PATH - 1} bytes`,
      );
    }
    const bytes = start(2 + path.length + 1, c.AF_UNIX, c);
    bytes.set(path, 2);
    return bytes;
  }
  const v6 = address.hostname.includes(":");
  const bytes = start(v6 ? 28 : 16, v6 ? c.AF_INET6 : c.AF_INET, c);
  new DataView(bytes.buffer).setUint16(2, address.port);
  if (v6) bytes.set(ipBytes(address.hostname), 8);
  else bytes.set(address.hostname.split(".").map(Number), 4);
  return bytes;
}

/** What the kernel wrote, `length` bytes of it. */
export function decodeAddress(
  bytes: Uint8Array,
  length: number,
  c: Constants,
): Address {
  const family = c.ADDRESS_HAS_LENGTH
    ? bytes[1]
    : new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true);
  if (family === c.AF_UNIX || length < 16) {
    const path = bytes.subarray(2, Math.max(2, length));
    const end = path.indexOf(0);
    return {
      transport: "unix",
      path: new TextDecoder().decode(end < 0 ? path : path.subarray(0, end)),
    };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const hostname = family === c.AF_INET6
    ? formatIp(bytes.subarray(8, 24))
    : `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`;
  return { transport: "tcp", hostname, port: view.getUint16(2) };
}

function start(size: number, family: number, c: Constants): Uint8Array {
  const bytes = new Uint8Array(size);
  if (c.ADDRESS_HAS_LENGTH) bytes.set([size, family]);
  else new DataView(bytes.buffer).setUint16(0, family, true);
  return bytes;
}
