/**
 * Whose PROXY headers are read, as the options say it.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { errorMessage } from "../connection/errors.ts";
import { Networks } from "../connection/networks.ts";
import type { ProxySettings } from "../serving/proxy_prelude.ts";

/**
 * The settings of a place.
 * @param trusted who must send a header there, at least one
 * @param timeout milliseconds for the whole header
 * @param transport what is listened on; null where that is not known yet
 * @throws {TypeError} with one line that says what is wrong
 */
export function proxySettings(
  trusted: readonly string[],
  timeout: number,
  transport: Address["transport"] | null,
): ProxySettings {
  try {
    new Networks(trusted);
  } catch (error) {
    throw new TypeError(`Cannot serve with proxyProtocol: ${errorMessage(error)}`);
  }
  if (transport === "unix" && !trusted.includes("unix")) {
    throw new TypeError(
      "Cannot serve with proxyProtocol on a Unix socket, whose clients have no address: name unix",
    );
  }
  if (transport === "tcp" && trusted.every((text) => text === "unix")) {
    throw new TypeError(
      "Cannot serve with proxyProtocol unix on a TCP port, whose clients have addresses: name them",
    );
  }
  return { trusted, timeout };
}
