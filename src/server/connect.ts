/**
 * The other end: a connection to a server, with the same contract.
 * @module
 */
import type { Address, Connection, TcpAddress, UnixAddress } from "../connection/connection.ts";
import { LONGEST_TIMER } from "../connection/delay.ts";
import type {
  ConnectOptions,
  ConnectPatience,
  ConnectTcpOptions,
  ConnectUnixOptions,
} from "../options.ts";
import { detect } from "../runtimes/detect.ts";
import { checkOptions, checkPlace, type Kind } from "../check_options.ts";
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
  const { address, patience } = sort(given);
  return await reach(await detect(), address, patience);
}

/** What each option is. */
const KINDS = {
  transport: "a string",
  hostname: "a string",
  port: "a number",
  path: "a string",
  signal: "an AbortSignal",
  timeout: "a number",
  tls: "true or an object",
} as const satisfies Record<keyof ConnectTcpOptions | keyof ConnectUnixOptions, Kind>;

/** What the arguments say. */
interface Wanted {
  readonly address: Address;
  readonly patience: ConnectPatience;
}

/** @throws {TypeError} with one line for the first argument that is wrong */
function sort(given: readonly unknown[]): Wanted {
  if (given.slice(1).some((value) => value !== undefined)) {
    throw new TypeError("Cannot connect: it takes options, and nothing after them");
  }
  checkOptions("connect", given[0], KINDS);
  const options = given[0] as {
    transport?: string;
    hostname?: string;
    port?: number;
    path?: string;
  } & ConnectPatience;
  checkPlace("connect", options);
  const { transport, hostname = "127.0.0.1", port, path, signal, timeout, tls } = options;
  if (timeout !== undefined && !(timeout >= 0 && timeout <= LONGEST_TIMER)) {
    throw new TypeError(
      `Cannot connect with timeout ${timeout}: it is milliseconds, from 0 to ${LONGEST_TIMER}`,
    );
  }
  const patience = { signal, timeout, tls };
  const fitting = path === undefined ? "tcp" : "unix";
  if (transport !== undefined && transport !== fitting) {
    throw new TypeError(
      `Cannot connect with transport "${transport}": it is tcp, or unix with a path`,
    );
  }
  if (path !== undefined) return { address: { transport: "unix", path }, patience };
  if (port === undefined) throw new TypeError("Cannot connect: give a port or a path");
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new TypeError(`Cannot connect with port ${port}: it is a whole number from 1 to 65535`);
  }
  return { address: { transport: "tcp", hostname, port }, patience };
}
