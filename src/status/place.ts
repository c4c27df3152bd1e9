/**
 * Where a server tells its status, as people write it.
 * @module
 */
import type { Address } from "../connection/connection.ts";

/**
 * `unix:PATH`, `HOST:PORT`, `PORT`, `[::1]:9000`, or the URL of the page. A path is
 * told by its slash.
 * @throws {TypeError} with what is wrong with it
 */
export function parsePlace(text: string): Address {
  const path = /^unix:(.*)$/s.exec(text)?.[1] ?? (/^\.{0,2}\//.test(text) ? text : undefined);
  if (path !== undefined) {
    if (path === "" || path.includes("\0")) {
      throw new TypeError(`"${text}" is no path of a socket`);
    }
    return { transport: "unix", path };
  }
  const place = /^http:\/\/([^/]*)\/?$/.exec(text)?.[1] ?? text;
  const [, bracketed, plain, port] =
    /^(?:(?:\[([^[\]/]+)\]|([^:[\]/\s]+)):)?(\d{1,5})$/.exec(place) ?? [];
  if (port === undefined || Number(port) > 65535) {
    throw new TypeError(`"${text}" is no address: write HOST:PORT, PORT or unix:PATH`);
  }
  if (bracketed !== undefined && !URL.canParse(`http://[${bracketed.split("%")[0]}]`)) {
    throw new TypeError(`"${bracketed}" is no IPv6 address`);
  }
  return { transport: "tcp", hostname: bracketed ?? plain ?? "127.0.0.1", port: Number(port) };
}

/** Whether only this machine reaches it. */
export function isLocal(address: Address): boolean {
  if (address.transport === "unix") return true;
  return /^(localhost|::1|127(\.\d{1,3}){3})$/i.test(address.hostname);
}
