/**
 * From a host's name to addresses.
 * @module
 */
import type { Runtime } from "../runtime.ts";

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

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

/**
 * The same in an order of their own, for systems and runtimes have different ones: IPv4
 * before IPv6, and by number.
 * @throws {SystemError} with `ENOTFOUND` if there is no such host
 */
export async function resolveInOrder(
  runtime: Pick<Runtime, "lookup">,
  hostname: string,
): Promise<string[]> {
  const isV6 = (address: string) => Number(address.includes(":"));
  return (await resolveAll(runtime, hostname)).sort((a, b) =>
    isV6(a) - isV6(b) || a.localeCompare(b, "en", { numeric: true })
  );
}
