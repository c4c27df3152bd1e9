/**
 * How a connection is encrypted, as users say it.
 * @module
 */

/** How a server encrypts. Each text is PEM, or a file's path. Times are in milliseconds. */
export interface TlsOptions {
  /**
   * The certificate, followed by those that lead to its authority. Of several the client
   * gets the one that has the name which it asks for (SNI), or the first.
   */
  cert: string | string[];
  /** The key of the certificate, or of each in their order. */
  key: string | string[];
  /** The authorities whose certificates clients may show; without it they are asked for none. */
  clientCa?: string;
  /**
   * Whether a client must have a certificate that is trusted; with `request` the handler sees
   * whether it has one, in `context.tls.peer`. @default {"require"}
   */
  clientAuth?: "request" | "require";
  /** Which clients' certificates were revoked. */
  crl?: string;
  /** The protocols to agree on (ALPN), the dearest first. */
  alpn?: string[];
  /** The oldest version of TLS. @default {"1.2"} */
  minVersion?: "1.2" | "1.3";
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
  /** The oldest version of TLS. @default {"1.2"} */
  minVersion?: "1.2" | "1.3";
  /** How long the whole handshake may take. @default {5000} */
  handshakeTimeout?: number;
}
