/**
 * From an address to a connection, the same on every runtime, or one line that
 * says why not.
 * @module
 */
import { type Address, type Connection, formatAddress } from "../connection/connection.ts";
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import type { Network } from "../runtime.ts";

/**
 * Connects.
 * @throws {SystemError} with a POSIX `code`; its message names the address
 */
export async function reach(runtime: Network, address: Address): Promise<Connection> {
  const target = plain(address);
  try {
    if (target.transport === "tcp" && isNoName(target.hostname)) {
      throw new SystemError("ENOTFOUND", "It cannot be a name");
    }
    return await runtime.connect(target);
  } catch (error) {
    throw connectError(target, error);
  }
}

/**
 * The address as every runtime takes it: Node knows no brackets, and getaddrinfo(3),
 * which Deno asks, only the scope of an address that is link-local.
 */
function plain(address: Address): Address {
  if (address.transport === "unix") return address;
  const host = /^\[(.*:.*)\]$/.exec(address.hostname)?.[1] ?? address.hostname;
  const [numeric, scope] = host.split("%");
  const hostname = scope && !isLinkLocal(numeric) ? numeric : host;
  return { ...address, hostname };
}

/** What no host is called, of which each runtime says something else. */
function isNoName(hostname: string): boolean {
  return hostname.length > LONGEST_NAME || /[[\]]/.test(hostname);
}

/** Characters, RFC 1035. */
const LONGEST_NAME = 253;

const HINTS: Record<string, string> = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "no host has that name",
  ECONNRESET: "the server reset the connection",
  EAI_AGAIN: "no name server answers",
  ENOENT: "no such socket",
  ENOTDIR: "no such socket",
  ENAMETOOLONG: "a socket's path is not so long",
  EACCES: "permission denied",
  ETIMEDOUT: "no answer came",
  EHOSTUNREACH: "no route leads there",
  ENETUNREACH: "no route leads there",
};

function connectError(address: Address, error: unknown): Error {
  const said = errorCode(error);
  if (said === undefined) return error as Error;
  const isUnix = address.transport === "unix";
  const code = said === "EINVAL" && isUnix ? "ENAMETOOLONG" : said;
  const hint = code === "EINVAL" && !isUnix && isLinkLocal(address.hostname)
    ? `name its interface too, ${address.hostname}%eth0`
    : HINTS[code] ?? errorMessage(error).split("\n")[0];
  return new SystemError(code, `Cannot connect to ${formatAddress(address)}: ${hint}`, error);
}

function isLinkLocal(hostname: string): boolean {
  return /^fe[89ab].:/i.test(hostname);
}
