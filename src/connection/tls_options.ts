/**
 * How a connection is encrypted, as users say it.
 * @module
 */

/** Versions of the protocol that an end can ask for at least. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/**
 * How a server encrypts. Certificates, keys and lists are PEM text, or paths of files with
 * it, which `reload()` reads again. Times are in milliseconds.
 */
export interface TlsOptions {
  /**
   * The certificate, and in the same text those that lead to its authority. Of several, whom
   * a client asks for by name (SNI) picks one; the first is for everybody else.
   */
  cert: string | string[];
  /** Its key, without a passphrase; of several certificates, each one's in the same place. */
  key: string | string[];
  /** Authorities whose certificates clients may show. Without it nobody is asked for one. */
  clientCa?: string;
  /**
   * Whether a client must show a certificate that is trusted, or is served all the same, and
   * the handler sees `context.tls.peer.authorized`. @default {"require"}
   */
  clientAuth?: "require" | "request";
  /** The authorities' list of the certificates that they have revoked. Not on Deno. */
  crl?: string;
  /** The protocols that the server speaks, the dearest first, to agree on one (ALPN). */
  alpn?: string[];
  /** The oldest version that a client may speak. @default {"TLSv1.2"} */
  minVersion?: TlsVersion;
  /** How long the whole handshake may take. @default {5000} */
  handshakeTimeout?: number;
}

/** How a client encrypts. Each text is PEM, or a file's path. Times are in milliseconds. */
export interface ConnectTlsOptions {
  /** Whom the server's certificate must name. @default {"the host that is connected to"} */
  servername?: string;
  /** The authorities to trust, instead of those that the runtime trusts. */
  ca?: string;
  /** Takes a server that cannot prove who it is. @default {false} */
  insecure?: boolean;
  /** The certificate to show if the server asks for one. */
  cert?: string;
  /** Its key. */
  key?: string;
  /** The protocols to agree on (ALPN), the dearest first. */
  alpn?: string[];
  /** The oldest version that the server may speak. @default {"TLSv1.2"} */
  minVersion?: TlsVersion;
  /** How long the whole handshake may take. @default {5000} */
  handshakeTimeout?: number;
}
