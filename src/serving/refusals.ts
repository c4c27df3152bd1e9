/**
 * Which clients are closed at once: connections are counted, all together and by
 * where they come from. Where clients shall wait instead, the accept loop lets
 * them (`thread`, `process`: no worker is idle).
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { ipBytes, isMapped } from "../connection/ip_address.ts";
import type { RefusalReason } from "../events.ts";

/** Descriptors that connections leave for everything else. */
export const SPARE_DESCRIPTORS = 64;

/** In the place of a client of whom it is not known yet from where it comes. */
export const NO_SOURCE: Address = { transport: "unix", path: "" };

/** How many are let in. */
export interface RefusalSettings {
  /** Connections at once, beyond which newcomers are refused; Infinity where they wait. */
  readonly connections: number;
  /** Connections at once from one source; 0: no limit. */
  readonly perSource: number;
  /** Told of each one that is refused. */
  readonly onRefused: (remoteAddr: Address, reason: RefusalReason) => void;
}

/** Counts connections, and refuses those that are too many. */
export class Refusals {
  readonly #settings: RefusalSettings;
  readonly #bySource = new Map<string, number>();
  #count = 0;

  constructor(settings: RefusalSettings) {
    this.#settings = settings;
  }

  /**
   * Lets a newcomer in, for whom `leave` is called later; or reports the refusal, and returns false.
   * @param told who is reported, where it is not known yet from where it comes
   */
  admit(remoteAddr: Address, told: Address = remoteAddr): boolean {
    const { connections, perSource, onRefused } = this.#settings;
    if (this.#count >= connections) {
      onRefused(told, "connections");
      return false;
    }
    const source = perSource > 0 ? sourceOf(remoteAddr) : null;
    if (source !== null) {
      const open = this.#bySource.get(source) ?? 0;
      if (open >= perSource) {
        onRefused(told, "source");
        return false;
      }
      this.#bySource.set(source, open + 1);
    }
    this.#count++;
    return true;
  }

  /** One that was let in is gone. */
  leave(remoteAddr: Address): void {
    this.#count--;
    const source = this.#settings.perSource > 0 ? sourceOf(remoteAddr) : null;
    if (source === null) return;
    const open = this.#bySource.get(source)! - 1;
    if (open === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, open);
  }
}

/**
 * Where a connection comes from: an IPv4 address, also one that is written as
 * IPv6, or the /64 that one customer has of IPv6 (RFC 6177). Null for a Unix
 * socket, whose peers have no address.
 */
export function sourceOf(address: Address): string | null {
  if (address.transport === "unix") return null;
  if (!address.hostname.includes(":")) return address.hostname;
  const bytes = ipBytes(address.hostname);
  return isMapped(bytes) ? bytes.subarray(12).join(".") : bytes.subarray(0, 8).join(":");
}
