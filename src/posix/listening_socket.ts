/**
 * Listening sockets: those that are made here, and those that this process was started with.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { Libc } from "./libc.ts";
import { encodeAddress } from "./socket_address.ts";

/** The level of IPv6's socket options, the same on every system. */
const IPPROTO_IPV6 = 41;

/**
 * A listening socket; `hostname` must be numeric.
 * @param v6Only whether an IPv6 address that stands for any leaves IPv4 to another socket
 * @throws {SystemError} if the system says no
 */
export function listen(libc: Libc, address: Address, backlog: number, v6Only = false): number {
  const c = libc.constants;
  const encoded = encodeAddress(address, c);
  const descriptor = libc.stream(address, 0);
  try {
    if (address.transport === "tcp") libc.setOption(descriptor, c.SOL_SOCKET, c.SO_REUSEADDR, 1);
    if (v6Only) libc.setOption(descriptor, IPPROTO_IPV6, c.IPV6_V6ONLY, 1);
    // What it accepts has these options too.
    prepare(libc, descriptor, address);
    const { bind, listen } = libc.functions;
    libc.check("bind", bind(descriptor, encoded, encoded.length));
    libc.check("listen", listen(descriptor, backlog));
    return descriptor;
  } catch (error) {
    libc.close(descriptor);
    throw error;
  }
}

/**
 * The options of each connection. What is accepted has those of its listening socket,
 * unless that is another program's.
 * @param address one of its ends
 */
export function prepare(libc: Libc, descriptor: number, address: Address): void {
  libc.keepAlive(descriptor);
  if (address.transport === "unix") return;
  libc.noDelay(descriptor);
  // Whoever is killed has ended nothing well; a good end takes it back.
  libc.endBy(descriptor, "reset");
}

/** What a descriptor is that should be a stream socket which listens; null if it is one. */
export function notListening(libc: Libc, descriptor: number): string | null {
  const { SOCK_STREAM, SO_TYPE, SO_ACCEPTCONN } = libc.constants;
  try {
    if (libc.option(descriptor, SO_TYPE) !== SOCK_STREAM) return "no stream socket";
    return libc.option(descriptor, SO_ACCEPTCONN) ? null : "a socket that does not listen";
  } catch {
    return "no socket";
  }
}
