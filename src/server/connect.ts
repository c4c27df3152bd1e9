/**
 * The other end: a connection to a server, with the same contract.
 * @module
 */
import type { Address, Connection, TcpAddress, UnixAddress } from "../connection/connection.ts";
import type { ConnectOptions, ConnectTcpOptions, ConnectUnixOptions } from "../options.ts";
import { detect } from "../runtimes/detect.ts";
import { checkOptions, checkPlace, type Kind } from "./check_options.ts";
import { reach } from "./reach.ts";

/**
 * Connects to a TCP port.
 * @throws {TypeError} for a wrong option
 * @throws {SystemError} with a POSIX `code`, such as `ECONNREFUSED`, or `ENOTFOUND`
 * where there is no such host; its message names the address
 */
export function connect(options: ConnectTcpOptions): Promise<Connection<TcpAddress>>;
/**
 * Connects to a Unix-domain socket.
 * @throws {TypeError} for a wrong option
 * @throws {SystemError} with a POSIX `code`, such as `ENOENT`
 */
export function connect(options: ConnectUnixOptions): Promise<Connection<UnixAddress>>;
/**
 * Connects to either, such as a server's address.
 * @throws {TypeError} for a wrong option
 * @throws {SystemError} with a POSIX `code`, such as `ECONNREFUSED`
 */
export function connect(options: ConnectOptions): Promise<Connection>;
export async function connect(...given: readonly unknown[]): Promise<Connection> {
  const address = addressOf(given);
  return await reach(await detect(), address);
}

/** What each option is. */
const KINDS = {
  transport: "a string",
  hostname: "a string",
  port: "a number",
  path: "a string",
} as const satisfies Record<keyof ConnectTcpOptions | keyof ConnectUnixOptions, Kind>;

/**
 * The address that the arguments name.
 * @throws {TypeError} with one line for the first that is wrong
 */
function addressOf(given: readonly unknown[]): Address {
  if (given.slice(1).some((value) => value !== undefined)) {
    throw new TypeError("Cannot connect: it takes options, and nothing after them");
  }
  checkOptions("connect", given[0], KINDS);
  const options = given[0] as {
    transport?: string;
    hostname?: string;
    port?: number;
    path?: string;
  };
  checkPlace("connect", options);
  const { transport, hostname = "127.0.0.1", port, path } = options;
  const fitting = path === undefined ? "tcp" : "unix";
  if (transport !== undefined && transport !== fitting) {
    throw new TypeError(
      `Cannot connect with transport "${transport}": it is tcp, or unix with a path`,
    );
  }
  if (path !== undefined) return { transport: "unix", path };
  if (port === undefined) throw new TypeError("Cannot connect: give a port or a path");
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new TypeError(`Cannot connect with port ${port}: it is a whole number from 1 to 65535`);
  }
  return { transport: "tcp", hostname, port };
}
