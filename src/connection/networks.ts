/**
 * A list of networks, and whether an address is in one of them.
 * @module
 */
import type { Address } from "./connection.ts";
import { formatIp, ipBytes, isMapped, parseIp } from "./ip_address.ts";

interface Network {
  /** Its first address. */
  readonly start: Uint8Array;
  /** How many bits are the same in all its addresses. */
  readonly bits: number;
}

/** Networks of one size. */
interface SameSize {
  readonly bytes: number;
  readonly bits: number;
  /** Their first addresses, see {@linkcode keyOf}. */
  readonly starts: Set<string>;
}

/**
 * Networks, as they are written: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`, or `unix` for Unix
 * sockets. There may be a hundred thousand: an address is looked up once for each size.
 */
export class Networks {
  readonly #sizes: readonly SameSize[];
  readonly #unix: boolean;

  /** @throws {TypeError} that says what is wrong with the first that is none */
  constructor(texts: readonly string[]) {
    const sizes = new Map<number, SameSize>();
    for (const text of texts) {
      if (text === UNIX) continue;
      const { start, bits } = parse(text);
      const bytes = start.length;
      const size = bytes * 256 + bits;
      if (!sizes.has(size)) sizes.set(size, { bytes, bits, starts: new Set() });
      sizes.get(size)!.starts.add(keyOf(start));
    }
    this.#unix = texts.includes(UNIX);
    this.#sizes = [...sizes.values()];
  }

  /** Whether the numeric address is in one of them. IPv4 is the same where it is written as IPv6. */
  has(address: Address): boolean {
    if (address.transport === "unix") return this.#unix;
    const host = plain(ipBytes(address.hostname));
    return this.#sizes.some(({ bytes, bits, starts }) =>
      bytes === host.length && starts.has(keyOf(startOf(host, bits)))
    );
  }
}

const UNIX = "unix";

/** An IPv4 address that is written as IPv6, as IPv4. */
function plain(bytes: Uint8Array): Uint8Array {
  return isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** The first address of the network of this size that an address is in. */
function startOf(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, i) => byte & ~(0xff >> Math.min(8, Math.max(0, bits - 8 * i))));
}

/** An address as what a set can find. */
function keyOf(address: Uint8Array): string {
  return String.fromCharCode(...address);
}

function parse(text: string): Network {
  const [host, length, more] = text.split("/");
  const given = parseIp(host);
  if (given === null || more !== undefined) {
    throw new TypeError(
      `"${text}" is no network: it is an address, or one with a length such as 10.0.0.0/8, or unix`,
    );
  }
  const most = given.length * 8;
  const bits = length === undefined ? most : /^(0|[1-9]\d*)$/.test(length) ? Number(length) : -1;
  if (bits < 0 || bits > most) {
    throw new TypeError(`"${text}" is no network: its length is a whole number from 0 to ${most}`);
  }
  const start = startOf(given, bits);
  if (start.some((byte, i) => byte !== given[i])) {
    throw new TypeError(`"${text}" is no network: write ${formatIp(start)}/${bits}`);
  }
  const mapped = isMapped(given) && bits >= MAPPED_BITS;
  return mapped ? { start: plain(given), bits: bits - MAPPED_BITS } : { start: given, bits };
}

/** Bits of `::ffff:` before IPv4's own. */
const MAPPED_BITS = 96;
