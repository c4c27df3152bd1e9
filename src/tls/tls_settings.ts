/**
 * With what an end of TLS is begun; plain values, so that a worker can be told.
 * @module
 */
import type { TlsVersion } from "../connection/tls_options.ts";

/** A certificate with its key. */
export interface TlsCertificate {
  /** PEM: the certificate, and then those that lead to its authority. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** How a server encrypts; what was read, and not files' names. */
export interface TlsServerSettings {
  /** Of which the name that a client asks for picks one; the first is for everybody else. */
  readonly certificates: readonly TlsCertificate[];
  /** PEM: whose certificates clients may show; empty: nobody is asked for one. */
  readonly clientCa: string;
  /** Whether a client must show one that is trusted; with false whoever has none is served too. */
  readonly clientMust: boolean;
  /** PEM: which certificates were revoked; empty: nobody asks. */
  readonly crl: string;
  /** Protocols to agree on, the dearest first; empty: none. */
  readonly alpn: readonly string[];
  readonly min: TlsVersion;
  /** Milliseconds for the whole handshake. */
  readonly timeout: number;
}

/** How a client encrypts. */
export interface TlsClientSettings {
  /** Whom the certificate must name, and what SNI asks for unless it is an address. */
  readonly servername: string;
  /** PEM: which authorities are trusted; null: those that the runtime trusts. */
  readonly ca: string | null;
  /** Whether a server is taken that cannot prove who it is. */
  readonly insecure: boolean;
  /** What it shows when it is asked; null: nothing. */
  readonly certificate: TlsCertificate | null;
  readonly alpn: readonly string[];
  readonly min: TlsVersion;
  /** Milliseconds for the whole handshake. */
  readonly timeout: number;
}
