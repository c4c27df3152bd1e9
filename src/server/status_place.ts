/**
 * The options that say where a server tells its status.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { errorMessage } from "../connection/errors.ts";
import type { ServeOptions } from "../options.ts";
import { isLocal, parsePlace } from "../status/place.ts";

/**
 * Where it is told; null if it is not even counted.
 * @throws {TypeError} with one line for the first that is wrong
 */
export function statusPlace(
  { status, statusMode, statusPublic }: ServeOptions,
): Address | "kept" | null {
  if (typeof status !== "string") {
    const useless = statusPublic ? "statusPublic" : statusMode !== undefined ? "statusMode" : null;
    if (useless) throw new TypeError(`Cannot serve with ${useless}: give status an address too`);
    return status === true ? "kept" : null;
  }
  let place: Address;
  try {
    place = parsePlace(status);
  } catch (error) {
    throw new TypeError(`Cannot serve with status: ${errorMessage(error)}`);
  }
  if (statusMode !== undefined && place.transport !== "unix") {
    throw new TypeError("Cannot serve with statusMode: it is for a Unix socket");
  }
  if (!isLocal(place) && !statusPublic) {
    throw new TypeError(
      `Cannot tell the status on ${status}: others can reach it, and it names clients; give statusPublic (--status-public) if they may`,
    );
  }
  return place;
}
