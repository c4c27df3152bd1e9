/**
 * What a PROXY header says: whose connection it is that a proxy passes on.
 * @module
 */
import type { Address } from "../connection/connection.ts";

/** What a proxy tells of TLS between the client and it. */
export interface ProxyTls {
  /** Such as `TLSv1.3`. */
  readonly version: string | null;
  /** Such as `ECDHE-RSA-AES128-GCM-SHA256`. */
  readonly cipher: string | null;
  /** The common name in the client's certificate. */
  readonly cn: string | null;
  /** Whether the client has shown a certificate, and the proxy has verified it. */
  readonly verified: boolean;
}

/** A PROXY header. Its texts are what somebody sent: escape them where they are shown. */
export interface ProxyHeader {
  /** 1 is a line of text, 2 is binary. */
  readonly version: 1 | 2;
  /**
   * `local`: the connection is the proxy's own, such as a check, or it does not know whose
   * it is (LOCAL, UNKNOWN, UNSPEC). The header says nothing else then.
   */
  readonly command: "proxy" | "local";
  /** The client's end; null where it is `local`. */
  readonly source: Address | null;
  /** The proxy's end, which the client has called; null where it is `local`. */
  readonly destination: Address | null;
  /** The protocol that the client and the proxy agreed on by TLS. */
  readonly alpn: string | null;
  /** The host's name that the client asked for (SNI). */
  readonly authority: string | null;
  /** By which the proxy calls the connection in its log, at most 128 bytes. */
  readonly uniqueId: Uint8Array | null;
  /** What is told of TLS; null if the client did not use it, or nothing is told. */
  readonly tls: ProxyTls | null;
  /** All values of version 2 by their type, those above too; of several the first. */
  readonly tlvs: ReadonlyMap<number, Uint8Array>;
}

/** What a handler is told of the proxy that its client came through. */
export interface ProxyInfo extends ProxyHeader {
  /** The proxy: the other end of the socket. */
  readonly peer: Address;
}

/** The most bytes of a header. */
export const LONGEST_HEADER = 4096;

/** With which a header of version 2 begins. */
export const SIGNATURE: Uint8Array = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);

/** Types of values in version 2. */
export const TLV = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCn: 0x22,
  sslCipher: 0x23,
} as const;

/** The most bytes of a unique id. */
export const LONGEST_UNIQUE_ID = 128;

/** A header that says nothing of a client. */
export function localHeader(version: 1 | 2): ProxyHeader {
  return { ...NOTHING_TOLD, version, command: "local" };
}

/** A header that names both ends of a client's connection, and nothing else. */
export function ends(version: 1 | 2, source: Address, destination: Address): ProxyHeader {
  return { ...NOTHING_TOLD, version, command: "proxy", source, destination };
}

const NOTHING_TOLD = {
  source: null,
  destination: null,
  alpn: null,
  authority: null,
  uniqueId: null,
  tls: null,
  tlvs: new Map<number, Uint8Array>(),
} as const;
