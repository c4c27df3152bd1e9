/**
 * Whose PROXY headers are read, as the options say it.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import { Networks } from "../connection/networks.ts";
import type { ServeOptions } from "../options.ts";
import type { ProxySettings } from "../serving/proxy_prelude.ts";

/**
 * The settings; null where no header is expected.
 * @param timeout `proxyHeaderTimeout` with its default
 * @throws {TypeError} with one line that says what is wrong
 */
export function proxySettings(
  { proxyProtocol: trusted, proxyHeaderTimeout, path }: ServeOptions,
  timeout: number,
): ProxySettings | null {
  if (trusted === undefined) {
    if (proxyHeaderTimeout === undefined) return null;
    throw new TypeError(
      "Cannot serve with proxyHeaderTimeout: no PROXY header is expected, so give proxyProtocol too",
    );
  }
  if (trusted.length === 0) {
    throw new TypeError("Cannot serve with proxyProtocol: name somebody who sends a PROXY header");
  }
  try {
    new Networks(trusted);
  } catch (error) {
    throw new TypeError(`Cannot serve with proxyProtocol: ${errorMessage(error)}`);
  }
  if (path !== undefined && !trusted.includes("unix")) {
    throw new TypeError(
      "Cannot serve with proxyProtocol on a Unix socket, whose clients have no address: name unix",
    );
  }
  if (path === undefined && trusted.every((text) => text === "unix")) {
    throw new TypeError(
      "Cannot serve with proxyProtocol unix on a TCP port, whose clients have addresses: name them",
    );
  }
  return { trusted, timeout };
}
