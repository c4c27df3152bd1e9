/**
 * Version 2 of the PROXY header: binary, with further values behind the addresses.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { formatIp } from "../connection/ip_address.ts";
import type { ParsedHeader } from "./parse.ts";
import { ends, localHeader, LONGEST_HEADER, type ProxyHeader } from "./proxy_header.ts";
import { readTlvs } from "./tlvs.ts";

/** The part that each header has: signature, version and command, family, length. */
export const FIXED_LENGTH = 16;
/** Bytes of a Unix socket's path. */
export const UNIX_PATH = 108;

/** Version and command. */
export const [LOCAL, PROXY] = [0x20, 0x21];
/** Family and protocol. */
export const [UNSPEC, TCP4, TCP6, UNIX] = [0x00, 0x11, 0x21, 0x31];
const DATAGRAMS = [0x12, 0x22, 0x32];

/** Of bytes that begin like one, see `parseProxyHeader`. */
export function parseV2(bytes: Uint8Array): ParsedHeader {
  if (bytes.length < FIXED_LENGTH) return FIXED_LENGTH;
  const [command, family] = bytes.subarray(12);
  if (command !== LOCAL && command !== PROXY) {
    throw new SyntaxError("it has a version or a command that does not exist");
  }
  const length = FIXED_LENGTH + (bytes[14] << 8 | bytes[15]);
  if (length > LONGEST_HEADER) throw new SyntaxError(`it is longer than ${LONGEST_HEADER} bytes`);
  const isLocal = command === LOCAL || family === UNSPEC;
  const block = isLocal ? 0 : blockLength(family);
  if (FIXED_LENGTH + block > length) throw new SyntaxError("it has no room for its addresses");
  if (bytes.length < length) return length;
  // Of these, whatever else they hold is to be ignored: some balancers send addresses.
  if (isLocal) return { message: localHeader(2), length };
  return { message: proxied(bytes.slice(0, length), family, block), length };
}

function blockLength(family: number): number {
  if (family === TCP4) return 12;
  if (family === TCP6) return 36;
  if (family === UNIX) return 2 * UNIX_PATH;
  throw new SyntaxError(
    DATAGRAMS.includes(family) ? "it speaks of datagrams" : "its family does not exist",
  );
}

function proxied(header: Uint8Array, family: number, block: number): ProxyHeader {
  const at = FIXED_LENGTH;
  const tlvs = readTlvs(header, at + block);
  if (family === UNIX) {
    const path = (from: number) => unixAddress(header.subarray(from, from + UNIX_PATH));
    return { ...ends(2, path(at), path(at + UNIX_PATH)), ...tlvs };
  }
  const size = family === TCP4 ? 4 : 16;
  const end = (number: number): Address => {
    const host = at + number * size;
    const port = at + 2 * size + number * 2;
    return {
      transport: "tcp",
      hostname: formatIp(header.subarray(host, host + size)),
      port: header[port] << 8 | header[port + 1],
    };
  };
  return { ...ends(2, end(0), end(1)), ...tlvs };
}

function unixAddress(bytes: Uint8Array): Address {
  const end = bytes.indexOf(0);
  const path = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  return { transport: "unix", path };
}
