/**
 * IPv4 and IPv6 addresses as text and as bytes.
 * @module
 */

/**
 * The 4 or 16 bytes of a numeric address; null if it is none. No number of IPv4 has a
 * leading zero, which some read as octal; the end of IPv6 may be written as IPv4.
 */
export function parseIp(text: string): Uint8Array | null {
  const bytes = text.includes(":") ? ipv6(text) : ipv4(text);
  return bytes && Uint8Array.from(bytes);
}

function ipv4(text: string): number[] | null {
  const parts = text.split(".");
  const isRight = (part: string) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256;
  return parts.length === 4 && parts.every(isRight) ? parts.map(Number) : null;
}

function ipv6(text: string): number[] | null {
  const [front, back, more] = text.split("::");
  if (more !== undefined) return null;
  const isWhole = back === undefined;
  const head = groups(front, isWhole);
  const tail = groups(back ?? "", true);
  if (head === null || tail === null) return null;
  const left = 16 - head.length - tail.length;
  if (isWhole ? left !== 0 : left < 2) return null;
  return [...head, ...new Array<number>(left).fill(0), ...tail];
}

/** @param isLast whether the address ends with them, and they may end with IPv4 */
function groups(text: string, isLast: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      const group = parseInt(part, 16);
      bytes.push(group >> 8, group & 255);
      continue;
    }
    const dotted = isLast && i === parts.length - 1 ? ipv4(part) : null;
    if (dotted === null) return null;
    bytes.push(...dotted);
  }
  return bytes;
}

/** Whether the 16 bytes are an IPv4 address: `::ffff:192.0.2.7`. */
export function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
}

/** An address of 4 or 16 bytes as people and the runtimes write it, see RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (isMapped(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i] << 8 | bytes[i + 1]).toString(16));
  // URL writes any IPv6 address in its one canonical form.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** The bytes of an address that is numeric, as those of a socket's ends are; its zone is left out. */
export function ipBytes(hostname: string): Uint8Array {
  const bytes = parseIp(hostname.split("%")[0]);
  if (bytes) return bytes;
  throw new TypeError(`"${hostname}" is no numeric address`);
}
