/**
 * The other end: a connection to a server, with the same contract.
 * @module
 */
import type { Address, Connection } from "../connection/connection.ts";
import { detect } from "../runtimes/detect.ts";

/**
 * Connects to a TCP port or a Unix-domain socket.
 * @throws {SystemError} with a POSIX `code`, such as `ECONNREFUSED`
 */
export async function connect(address: Address): Promise<Connection> {
  return (await detect()).connect(address);
}
