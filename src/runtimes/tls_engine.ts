/**
 * TLS by node:tls, which all three runtimes have: a TLSSocket over a stream that has no
 * socket. What they do differently is said where it is met.
 * @module
 */
import type { Duplex } from "node:stream";
import type { SecureContext, TLSSocket } from "node:tls";
import type { TlsEngine, TlsEvents, TlsServer } from "../tls/tls_engine.ts";
import type { TlsInfo, TlsPeer } from "../connection/tls_info.ts";
import type { TlsClientSettings, TlsServerSettings } from "../tls/tls_settings.ts";
import { SystemError } from "../connection/errors.ts";
import { builtin } from "./builtin.ts";
import { certificateFacts, factsOf } from "./certificate_facts.ts";
import { type Verified, verifiedBy } from "./tls_verified.ts";

export { certificateFacts, keyFits } from "./certificate_facts.ts";

/** What of a socket Node's own types do not tell. */
interface Inside {
  readonly _handle?: { verifyError?(): string | Error | null } | null;
}

/**
 * Those of TLS 1.3, and of TLS 1.2 those with forward secrecy whose records are authenticated
 * as they are encrypted: all that Deno has (2.9.6). Those with CBC that Node and Bun would
 * take too leave room for timing attacks such as Lucky 13 (CVE-2013-0169).
 */
const CIPHERS = [
  ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
  ...["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].flatMap((cipher) => [
    `ECDHE-ECDSA-${cipher}`,
    `ECDHE-RSA-${cipher}`,
  ]),
].join(":");

/** A server's contexts, made once. */
export function tlsServer(settings: TlsServerSettings): TlsServer {
  const { certificates, clientCa, clientMust, crl, alpn, min } = settings;
  const asks = clientCa !== "";
  const isDeno = builtin.process.versions.deno !== undefined;
  const verified = asks && isDeno ? verifiedBy(clientCa) : null;
  const contexts = certificates.map(({ cert, key }) =>
    builtin.tls.createSecureContext(
      {
        ...{ cert, key, minVersion: min, ciphers: CIPHERS, honorCipherOrder: true },
        // Node's would let a client of TLS 1.2 shake hands three times again (26.10).
        secureOptions: builtin.crypto.constants.SSL_OP_NO_RENEGOTIATION,
        ...(asks ? { ca: pemParts(clientCa) } : {}),
        ...(crl === "" ? {} : { crl: pemParts(crl) }),
        // Without it Node ends each client that comes again and is asked for a certificate (26.10).
        sessionIdContext: "trivet",
      } as Parameters<typeof builtin.tls.createSecureContext>[0],
    )
  );
  const options = {
    isServer: true,
    requestCert: asks,
    // What it refuses, the client is told by an alert, if not on Deno (2.9.6).
    rejectUnauthorized: asks && clientMust,
    ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
  };
  return {
    names: certificates.map(({ cert }) => certificateFacts(cert).names),
    engine: (certificate, servername, events) =>
      new Engine(events, (below) => {
        const secureContext: SecureContext = contexts[certificate];
        const socket = new builtin.tls.TLSSocket(below, { ...options, secureContext });
        socket.once("secure", () => tell(events, () => infoOf(socket, servername, asks, verified)));
        return socket;
      }),
  };
}

/** A client's end. */
export function tlsClient(settings: TlsClientSettings, events: TlsEvents): TlsEngine {
  const { servername, ca, insecure, certificate, alpn, min } = settings;
  return new Engine(events, (socket) => {
    const isAddress = builtin.net.isIP(servername) !== 0;
    const client = builtin.tls.connect({
      socket,
      minVersion: min,
      rejectUnauthorized: !insecure,
      // An address is nothing that SNI could ask for; it is still what must be named.
      ...(isAddress ? { host: servername } : { servername, host: servername }),
      ...(ca === null ? {} : { ca: pemParts(ca) }),
      ...(certificate ?? {}),
      ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
    });
    client.once("secureConnect", () =>
      tell(events, () => {
        const info = infoOf(client, servername, true);
        // The runtime sees to it; here it is seen to that it has.
        if (!insecure && !info.peer?.authorized) throw new Error("the server is not trusted");
        return info;
      }));
    return client;
  });
}

/** What is written after the other end has ended, where that ends both (Bun 1.4.5). */
const BOTH_ENDED = "The other end has closed, and TLS on this runtime closes both directions then";

/** A TLSSocket, and the stream below it. */
class Engine implements TlsEngine {
  readonly endsBoth = builtin.process.versions.bun !== undefined;
  readonly #below: Duplex;
  readonly #socket: TLSSocket;
  /** What came before the socket has begun; null once it has. */
  #early: Uint8Array[] | null = [];
  #destroyed = false;
  #isEnding = false;
  #hasEnded = false;

  constructor(events: TlsEvents, make: (below: Duplex) => TLSSocket) {
    this.#below = new builtin.stream.Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Uint8Array, _encoding, done) {
        events.send(chunk);
        done();
      },
      final: (done) => {
        if (!this.#isEnding) this.#closed(events);
        done();
      },
    });
    this.#below.on("error", () => {}); // the socket above tells
    const socket = this.#socket = make(this.#below);
    socket.on("data", (bytes: Uint8Array) => this.#destroyed || events.data(bytes));
    socket.once("end", () => {
      this.#hasEnded = true;
      if (!this.#destroyed) events.ended();
    });
    const onError = (error: unknown) => this.#destroyed || events.failed(error);
    socket.on("error", onError);
    // A TLSSocket that no server of Node's owns tells its errors so.
    socket.on("_tlsError", onError);
    socket.once("close", () => this.#closed(events));
    // It begins in a tick of its own. Deno's throws in it, where nobody can catch, if what has
    // come by then is a hello that it refuses (2.9.6).
    builtin.process.nextTick(() => this.#begin());
  }

  #begin(): void {
    const early = this.#early!;
    this.#early = null;
    for (const bytes of early) this.#below.push(bytes);
  }

  /** Nothing is written any more; that the other end has ended may be told a moment later. */
  #closed(events: TlsEvents): void {
    setImmediate(() => {
      if (this.#destroyed || (this.#isEnding && this.#hasEnded)) return;
      events.failed(new SystemError("EPIPE", this.#hasEnded ? BOTH_ENDED : "TLS was closed"));
    });
  }

  receive(bytes: Uint8Array): void {
    if (this.#early) this.#early.push(bytes);
    else this.#below.push(bytes);
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#socket.write(bytes, done);
  }

  end(done: () => void): void {
    this.#isEnding = true;
    if (this.#socket.destroyed) return done();
    this.#socket.once("close", done);
    this.#socket.end(() => {
      this.#socket.off("close", done);
      done();
    });
  }

  destroy(): void {
    this.#destroyed = true;
    this.#socket.destroy();
  }
}

/** Tells that the handshake is done; what is thrown where a socket calls would end the process. */
function tell(events: TlsEvents, makeInfo: () => TlsInfo): void {
  let info;
  try {
    info = makeInfo();
  } catch (error) {
    return events.failed(error);
  }
  events.secure(info);
}

function infoOf(
  socket: TLSSocket,
  servername: string | null,
  asks: boolean,
  verified: Verified | null = null,
): TlsInfo {
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    servername,
    alpn: socket.alpnProtocol || null,
    peer: asks ? peerOf(socket, verified) : null,
  };
}

function peerOf(socket: TLSSocket, verified: Verified | null): TlsPeer | null {
  const raw = socket.getPeerCertificate()?.raw;
  if (raw === undefined) return null;
  const { subject, subjectAltName, fingerprint256, serialNumber, notAfter } = factsOf(
    new builtin.crypto.X509Certificate(raw),
  );
  let error = verifyError(socket);
  if (error === null && verified !== null) {
    if (!socket.isSessionReused()) verified.add(fingerprint256, notAfter);
    else if (!verified.has(fingerprint256)) error = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  }
  // A session that is resumed may have outlived it.
  if (error === null && !(notAfter >= Date.now())) error = "CERT_HAS_EXPIRED";
  return {
    ...{ subject, subjectAltName, fingerprint256, serialNumber, notAfter },
    authorized: error === null,
    authorizationError: error,
  };
}

/**
 * Why the other end's certificate is not trusted; null if it is. A client's socket knows;
 * of a server's, Bun's does (1.4.5), and the others only answer a question that no
 * documentation names, as their own servers ask it (Node 26.10, Deno 2.9.6).
 */
function verifyError(socket: TLSSocket): string | null {
  if (socket.authorized) return null;
  if (socket.authorizationError) return nameOf(socket.authorizationError);
  const handle = (socket as unknown as Inside)._handle;
  if (typeof handle?.verifyError !== "function") return "UNVERIFIED";
  const error = handle.verifyError();
  return error === null || error === "" ? null : nameOf(error);
}

function nameOf(error: string | Error): string {
  return typeof error === "string" ? error : (error as { code?: string }).code ?? error.message;
}

/** Each certificate, or list, of a text that may have several: Deno takes the first alone (2.9.6). */
function pemParts(text: string): string[] {
  const parts = text.match(/-----BEGIN ([^-]+)-----[\s\S]+?-----END \1-----/g);
  return parts === null ? [text] : parts.map((part) => `${part}\n`);
}
