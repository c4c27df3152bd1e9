/**
 * The handshake of a place that is encrypted, in every model.
 * @module
 */
import type { SocketConnection } from "../connection/socket_connection.ts";
import { parseClientHello } from "../tls/client_hello.ts";
import { pickCertificate } from "../tls/pick_certificate.ts";
import type { TlsServer } from "../tls/tls_engine.ts";
import type { TlsInfo, TlsPeer } from "../connection/tls_info.ts";
import type { TlsServerSettings } from "../tls/tls_settings.ts";
import { TlsSocket } from "../tls/tls_socket.ts";
import { type Found, type Prelude, Refused } from "./prelude.ts";
import { certificateError } from "./tls_checks.ts";

/** Bytes that a client's first message has, and that it may have. */
const USUAL_HELLO = 2 * 1024;
const LONGEST_HELLO = 16 * 1024;

/** Shakes hands. */
export function tlsPrelude(settings: TlsServerSettings, server: TlsServer): Prelude {
  return {
    timeout: settings.timeout,
    refusal: "tls_handshake",
    late: "tls_timeout",
    async run(connection): Promise<Found> {
      const tls = await shakeHands(connection, settings, server);
      if (tls === null) return { left: true };
      connection.tls = tls;
      return {};
    },
  };
}

/**
 * As a server; null if the client has left without a byte.
 * @throws {Refused} for a client that does not do its part
 * @throws {SystemError} if the ends do not agree
 */
export async function shakeHands(
  connection: SocketConnection,
  { clientMust }: TlsServerSettings,
  server: TlsServer,
): Promise<TlsInfo | null> {
  const hello = await readHello(connection);
  if (hello === null) return null;
  const { servername } = hello;
  const certificate = pickCertificate(servername, server.names);
  connection.giveBack(hello.bytes);
  let came: Uint8Array | null = null;
  const socket = connection.layer((raw, unread) => {
    came = unread;
    return new TlsSocket(raw, (events) => server.engine(certificate, servername, events));
  });
  const tls = await socket.handshake(came).catch((error) => {
    const code = certificateError(error);
    throw code === null ? error : new Refused("tls_certificate", code);
  });
  if (clientMust && !tls.peer?.authorized) throw new Refused("tls_certificate", why(tls.peer));
  return tls;
}

/** The client's first message; null if it has left without a byte. */
async function readHello(
  connection: SocketConnection,
): Promise<{ readonly bytes: Uint8Array; readonly servername: string | null } | null> {
  let buffer = new Uint8Array(USUAL_HELLO);
  for (let filled = 0;;) {
    const length = await connection.readAhead(buffer.subarray(filled)).catch((error) => {
      if (connection.closedBy !== null) throw error;
      return null; // it has reset, which is to leave, too
    });
    if (length === null) {
      if (filled === 0) return null;
      throw new Refused("tls_handshake", "it left in the middle of it");
    }
    filled += length;
    const bytes = buffer.subarray(0, filled);
    const hello = parseClientHello(bytes);
    if (hello === "no TLS") throw new Refused("tls_none");
    if (hello !== "more") return { bytes, servername: hello.servername };
    if (filled === LONGEST_HELLO) {
      throw new Refused("tls_handshake", "its first message is too long");
    }
    if (filled === buffer.length) {
      const larger = new Uint8Array(LONGEST_HELLO);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

function why(peer: TlsPeer | null): string {
  if (peer === null) return "it has shown none";
  return `${peer.authorizationError}: ${peer.subject.replaceAll("\n", ", ")}`;
}
