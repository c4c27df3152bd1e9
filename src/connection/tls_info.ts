/**
 * What a handler is told of a connection that is encrypted.
 * @module
 */

/** A certificate that the other end has shown. */
export interface TlsPeer {
  /** Whom it names, one attribute a line, such as `CN=client`. */
  readonly subject: string;
  /** Its alternative names, such as `DNS:client.example, IP Address:192.0.2.7`; empty if it has none. */
  readonly subjectAltName: string;
  /** Its SHA-256, in hexadecimal with colons. */
  readonly fingerprint256: string;
  /** Its serial number, in hexadecimal. */
  readonly serialNumber: string;
  /** When it ends to be valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /** Whether it comes from an authority that is trusted here, and is in date and not revoked. */
  readonly authorized: boolean;
  /** Why not, as the runtime calls it; null if it is. */
  readonly authorizationError: string | null;
}

/** What the handshake has agreed on. */
export interface TlsInfo {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly protocol: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string;
  /** The name that the client has asked for (SNI, RFC 6066); null if it named none. */
  readonly servername: string | null;
  /** The protocol that both ends have agreed on (ALPN, RFC 7301); null if none. */
  readonly alpn: string | null;
  /** The certificate that the other end has shown; null if it has shown none. */
  readonly peer: TlsPeer | null;
}
