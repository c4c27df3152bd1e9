/**
 * From a host's name to the address to listen on.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { Runtime } from "../runtime.ts";

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

/** Where to listen. */
export interface ResolvedHost {
  readonly address: Address;
  /** The name's other addresses, on which nobody listens. */
  readonly others: readonly string[];
}

/**
 * The address with its host's name looked up. Of a name's several addresses it takes
 * the first IPv4 one, by number: systems give them in an order of their own, and
 * runtimes ask in different ways.
 * @throws {SystemError} with `ENOTFOUND` if there is no such host
 */
export async function resolveHost(runtime: Runtime, address: Address): Promise<ResolvedHost> {
  if (address.transport === "unix" || isNumeric(address.hostname)) {
    return { address, others: [] };
  }
  const [hostname, ...others] = inOrder(await runtime.lookup(address.hostname));
  return { address: { ...address, hostname }, others };
}

/**
 * All addresses that a host's name or number stands for, in the system's order.
 * @throws {SystemError} with `ENOTFOUND` if there is no such host
 */
export async function resolveAll(
  runtime: Pick<Runtime, "lookup">,
  hostname: string,
): Promise<string[]> {
  if (isNumeric(hostname)) return [hostname];
  return [...new Set(await runtime.lookup(hostname))];
}

function isNumeric(hostname: string): boolean {
  return hostname.includes(":") || IPV4.test(hostname);
}

/** Each once: IPv4 before IPv6, and by number. */
function inOrder(addresses: readonly string[]): string[] {
  const isV6 = (address: string) => Number(address.includes(":"));
  return [...new Set(addresses)].sort((a, b) =>
    isV6(a) - isV6(b) || a.localeCompare(b, "en", { numeric: true })
  );
}
