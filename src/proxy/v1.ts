/**
 * Version 1 of the PROXY header: a line of text.
 * @module
 */
import type { TcpAddress } from "../connection/connection.ts";
import { formatIp, parseIp } from "../connection/ip_address.ts";
import type { ParsedHeader } from "./parse.ts";
import { ends, localHeader } from "./proxy_header.ts";

/** With which it begins. */
export const V1_START: Uint8Array = new TextEncoder().encode("PROXY ");

/** Bytes with the CRLF: the least and the most. */
const [SHORTEST, LONGEST] = [15, 107];

/** Ports have no leading zeros either, which some read as octal. */
const LINE = /^PROXY TCP([46]) ([^ ]+) ([^ ]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;
/** Whatever is behind it is to be ignored. */
const UNKNOWN = /^PROXY UNKNOWN(?: [^]*)?$/;

/** Of bytes that begin like one, see `parseProxyHeader`. */
export function parseV1(bytes: Uint8Array): ParsedHeader {
  const end = endOfLine(bytes);
  if (end < 0) {
    if (bytes.length < LONGEST) return Math.max(SHORTEST, bytes.length + 1);
    throw new SyntaxError(`its line has no end within ${LONGEST} bytes`);
  }
  const line = String.fromCharCode(...bytes.subarray(0, end));
  const length = end + 2;
  if (UNKNOWN.test(line)) return { message: localHeader(1), length };
  const [, family, source, destination, sourcePort, destinationPort] = LINE.exec(line) ?? [];
  const from = address(family, source, sourcePort);
  const to = address(family, destination, destinationPort);
  if (from && to) return { message: ends(1, from, to), length };
  throw new SyntaxError("its line of version 1 is malformed");
}

/** Where the first CRLF is; a CR or LF alone ends no line. */
function endOfLine(bytes: Uint8Array): number {
  const last = Math.min(bytes.length, LONGEST) - 1;
  for (let i = 0; i < last; i++) if (bytes[i] === 13 && bytes[i + 1] === 10) return i;
  return -1;
}

function address(
  family: string | undefined,
  host: string | undefined,
  port: string | undefined,
): TcpAddress | null {
  const bytes = parseIp(host ?? "");
  if (bytes?.length !== (family === "4" ? 4 : 16) || Number(port) > 65535) return null;
  return { transport: "tcp", hostname: formatIp(bytes), port: Number(port) };
}
