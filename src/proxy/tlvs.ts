/**
 * The further values of version 2 of the PROXY header: type, length, value.
 * @module
 */
import { crc32c } from "./crc32c.ts";
import { LONGEST_UNIQUE_ID, type ProxyHeader, type ProxyTls, TLV } from "./proxy_header.ts";

/** What the values tell. */
export type Told = Pick<ProxyHeader, "alpn" | "authority" | "uniqueId" | "tls" | "tlvs">;

/** Bytes of a type and a length. */
export const TLV_HEAD = 3;

/** What the client did, and whether its certificate was verified, before what is told of TLS. */
const SSL_HEAD = 5;
/** It has used TLS, and has shown a certificate on this connection or in its session. */
const [CLIENT_SSL, CLIENT_CERT_CONN, CLIENT_CERT_SESS] = [1, 2, 4];

/** Values are bytes of anybody's: what is no text becomes the replacement character. */
const utf8 = new TextDecoder();

/**
 * The values from a place in the header to its end.
 * @throws {SyntaxError} if they do not end there, or the checksum is wrong
 */
export function readTlvs(header: Uint8Array, from: number): Told {
  const tlvs = new Map<number, Uint8Array>();
  for (const [type, value] of each(header.subarray(from))) {
    if (type === TLV.crc32c) check(header, value);
    if (type === TLV.uniqueId && value.length > LONGEST_UNIQUE_ID) {
      throw new SyntaxError(`its unique id is longer than ${LONGEST_UNIQUE_ID} bytes`);
    }
    // The other two are not for whoever reads the header, or passes on what it says.
    if (type !== TLV.crc32c && type !== TLV.noop && !tlvs.has(type)) tlvs.set(type, value);
  }
  return {
    alpn: text(tlvs, TLV.alpn),
    authority: text(tlvs, TLV.authority),
    uniqueId: tlvs.get(TLV.uniqueId) ?? null,
    tls: tls(tlvs.get(TLV.ssl)),
    tlvs,
  };
}

function* each(bytes: Uint8Array): Generator<[type: number, value: Uint8Array]> {
  for (let at = 0; at < bytes.length;) {
    const start = at + TLV_HEAD;
    const end = start + (bytes[at + 1] << 8 | bytes[at + 2]);
    if (start > bytes.length || end > bytes.length) {
      throw new SyntaxError("one of its values is longer than the header");
    }
    yield [bytes[at], bytes.subarray(start, end)];
    at = end;
  }
}

/** The checksum is of the header with zeros in its place. */
function check(header: Uint8Array, value: Uint8Array): void {
  if (value.length === 4) {
    const at = value.byteOffset - header.byteOffset;
    const told = new DataView(value.buffer, value.byteOffset).getUint32(0);
    if (crc32c(header.slice().fill(0, at, at + 4)) === told) return;
  }
  throw new SyntaxError("its checksum is wrong");
}

function text(tlvs: ReadonlyMap<number, Uint8Array>, type: number): string | null {
  const value = tlvs.get(type);
  return value ? utf8.decode(value) : null;
}

function tls(value: Uint8Array | undefined): ProxyTls | null {
  if (!value) return null;
  if (value.length < SSL_HEAD) throw new SyntaxError("what it says of TLS is too short");
  const inner = new Map<number, Uint8Array>();
  for (const [type, part] of each(value.subarray(SSL_HEAD))) {
    if (!inner.has(type)) inner.set(type, part);
  }
  const client = value[0];
  if ((client & CLIENT_SSL) === 0) return null;
  // Without a certificate HAProxy (2.6) says 0 too, as if it were verified.
  const hasCertificate = (client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS)) !== 0;
  return {
    version: text(inner, TLV.sslVersion),
    cipher: text(inner, TLV.sslCipher),
    cn: text(inner, TLV.sslCn),
    verified: hasCertificate && value.subarray(1, SSL_HEAD).every((byte) => byte === 0),
  };
}
