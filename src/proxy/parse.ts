/**
 * A PROXY header out of the bytes with which a connection begins, as strict as its
 * specification: haproxy's proxy-protocol.txt of 2020/03/05.
 * @module
 */
import { type ProxyHeader, SIGNATURE } from "./proxy_header.ts";
import { parseV1, V1_START } from "./v1.ts";
import { parseV2 } from "./v2.ts";

/** A header and its length, or how many bytes it has at least, of which some are missing. */
export type ParsedHeader = { readonly message: ProxyHeader; readonly length: number } | number;

/** The shortest header is `PROXY UNKNOWN` with its CRLF. */
const SHORTEST = 15;

/**
 * The header at the beginning of these bytes, which stay as they are. More than a header
 * may have come: what is behind its length is the client's.
 * @throws {SyntaxError} as soon as it can be no header
 */
export function parseProxyHeader(bytes: Uint8Array): ParsedHeader {
  if (bytes.length === 0) return SHORTEST;
  if (beginsLike(bytes, SIGNATURE)) return parseV2(bytes);
  if (beginsLike(bytes, V1_START)) return parseV1(bytes);
  throw new SyntaxError("what came is no PROXY header");
}

/** Whether they begin with it, as far as they have come. */
function beginsLike(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}
