/**
 * A list of networks, and whether an address is in one of them.
 * @module
 */
import type { Address } from "./connection.ts";
import { formatIp, ipBytes, isMapped, parseIp } from "./ip_address.ts";

interface Network {
  readonly bytes: Uint8Array;
  /** How many bits are the same in all its addresses. */
  readonly bits: number;
}

/** Networks, as they are written: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`, or `unix` for Unix sockets. */
export class Networks {
  readonly #networks: readonly Network[];
  readonly #unix: boolean;

  /** @throws {TypeError} that says what is wrong with the first that is none */
  constructor(texts: readonly string[]) {
    this.#unix = texts.includes(UNIX);
    this.#networks = texts.filter((text) => text !== UNIX).map(parse);
  }

  /** Whether the numeric address is in one of them. IPv4 is the same where it is written as IPv6. */
  has(address: Address): boolean {
    if (address.transport === "unix") return this.#unix;
    const host = plain(ipBytes(address.hostname));
    return this.#networks.some(({ bytes, bits }) =>
      bytes.length === host.length && prefixes(host, bytes, bits)
    );
  }
}

const UNIX = "unix";

/** An IPv4 address that is written as IPv6, as IPv4. */
function plain(bytes: Uint8Array): Uint8Array {
  return isMapped(bytes) ? bytes.subarray(12) : bytes;
}

function prefixes(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole] ^ b[whole]) >> (8 - rest) === 0;
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
  const start = given.map((byte, i) => byte & ~(0xff >> Math.min(8, Math.max(0, bits - 8 * i))));
  if (start.some((byte, i) => byte !== given[i])) {
    throw new TypeError(`"${text}" is no network: write ${formatIp(start)}/${bits}`);
  }
  const mapped = isMapped(given) && bits >= MAPPED_BITS;
  return mapped ? { bytes: plain(given), bits: bits - MAPPED_BITS } : { bytes: given, bits };
}

/** Bits of `::ffff:` before IPv4's own. */
const MAPPED_BITS = 96;
