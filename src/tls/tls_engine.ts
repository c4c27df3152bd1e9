/**
 * One end of TLS that knows no socket: encrypted bytes and plain ones go in and come out.
 * @module
 */
import type { TlsInfo } from "../connection/tls_info.ts";
import type { TlsCertificate, TlsClientSettings, TlsServerSettings } from "./tls_settings.ts";

/** What comes out of an engine, before or after the call that made it returns. */
export interface TlsEvents {
  /** Encrypted bytes for the other end; they are the listener's. */
  send(bytes: Uint8Array): void;
  /** The handshake is done. */
  secure(info: TlsInfo): void;
  /** Decrypted bytes; they are the listener's. */
  data(bytes: Uint8Array): void;
  /** The other end sends nothing more, and has said so (close_notify). */
  ended(): void;
  /** It can do no more. */
  failed(error: unknown): void;
}

/** One end of TLS. */
export interface TlsEngine {
  /**
   * Whether the other end's close_notify ends what this one writes, too. So that it does not
   * before what came earlier was answered, such an engine gets each record when it is asked for.
   */
  readonly endsBoth: boolean;
  /** Takes encrypted bytes of the other end, which it may keep. */
  receive(bytes: Uint8Array): void;
  /** Encrypts; `done` is called when it has taken the bytes and would take more. */
  write(bytes: Uint8Array, done: () => void): void;
  /** Says that nothing more is written (close_notify); `done` is called when that was sent. */
  end(done: () => void): void;
  /** Lets everything go; nothing comes out any more. */
  destroy(): void;
}

/** What a server's handshakes have in common. */
export interface TlsServer {
  /** The names of each certificate, by which a client picks one. */
  readonly names: readonly (readonly string[])[];
  /**
   * The server's end of a connection.
   * @param certificate its number
   * @param servername what the client has asked for
   */
  engine(certificate: number, servername: string | null, events: TlsEvents): TlsEngine;
}

/** What there is to know of a certificate. */
export interface CertificateFacts {
  /** Whom it names, one attribute a line. */
  readonly subject: string;
  readonly subjectAltName: string;
  /** The hosts' names that it is for, wildcards among them. */
  readonly names: readonly string[];
  readonly serialNumber: string;
  readonly fingerprint256: string;
  /** From when to when it is valid, in milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a runtime has of TLS. */
export interface Tls {
  /**
   * What a server's handshakes have in common.
   * @throws {Error} of the runtime, if what it is given is not right
   */
  tlsServer(settings: TlsServerSettings): TlsServer;
  /** A client's end of one connection; throws as `tlsServer` does. */
  tlsClient(settings: TlsClientSettings, events: TlsEvents): TlsEngine;
  /** What there is to know of the first certificate in a PEM text; throws if it is none. */
  certificateFacts(cert: string): CertificateFacts;
  /** Whether the key is the certificate's; throws if either is none. */
  keyFits(certificate: TlsCertificate): boolean;
}
