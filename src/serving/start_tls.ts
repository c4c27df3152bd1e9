/**
 * TLS that a connection begins: at once, as a client, or when its handler says so.
 * @module
 */
import { checkOptions, type Kind } from "../check_options.ts";
import { errorMessage, SystemError } from "../connection/errors.ts";
import type { SocketConnection, TlsStarter } from "../connection/socket_connection.ts";
import type { TlsInfo } from "../connection/tls_info.ts";
import type { ConnectTlsOptions, TlsOptions } from "../connection/tls_options.ts";
import type { Runtime } from "../runtime.ts";
import type { TlsServer } from "../tls/tls_engine.ts";
import type { TlsClientSettings, TlsServerSettings } from "../tls/tls_settings.ts";
import { TlsSocket } from "../tls/tls_socket.ts";
import { Refused } from "./prelude.ts";
import { certificateError, commonTls, demandText, readPem } from "./tls_checks.ts";
import { readTls, tlsGiven } from "./tls_files.ts";
import { shakeHands } from "./tls_prelude.ts";

const CLIENT_KINDS = {
  servername: "a string",
  ca: "a string",
  insecure: "true or false",
  cert: "a string",
  key: "a string",
  alpn: "an array of strings",
  minVersion: "a string",
  handshakeTimeout: "a number",
} as const satisfies Record<keyof ConnectTlsOptions, Kind>;

/**
 * What a client's options say.
 * @param hostname to whom it connects
 * @throws {TypeError} for a wrong option
 * @throws {SystemError} where a file cannot be read
 */
export function clientTls(
  runtime: Runtime,
  options: ConnectTlsOptions,
  hostname: string,
): TlsClientSettings {
  checkOptions("encrypt", options, CLIENT_KINDS);
  const { servername = hostname, ca, insecure = false, cert, key } = options;
  // Runtimes would take it for localhost.
  if (servername === "") throw new TypeError("Cannot encrypt with no servername: give a name");
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot encrypt with one of cert and key: they belong together");
  }
  for (const [name, text] of Object.entries({ ca, cert, key })) {
    if (text !== undefined) demandText(name, text);
  }
  return {
    servername,
    ca: ca === undefined ? null : readPem(runtime, "certificates of authorities", ca),
    insecure,
    certificate: cert === undefined || key === undefined ? null : {
      cert: readPem(runtime, "certificate", cert),
      key: readPem(runtime, "key", key),
    },
    ...commonTls(options),
  };
}

/** Begins TLS as a client. */
export async function beginAsClient(
  runtime: Runtime,
  connection: SocketConnection,
  settings: TlsClientSettings,
): Promise<TlsInfo> {
  const { servername, timeout } = settings;
  const { tlsClient } = await runtime.tls();
  return await inTime(connection, timeout, async () => {
    const socket = connection.layer((raw) =>
      new TlsSocket(raw, (events) => tlsClient(settings, events))
    );
    try {
      return await socket.handshake();
    } catch (error) {
      throw notTrusted(error, servername) ?? error;
    }
  });
}

/** How a connection that `connect` gave begins TLS. */
export function clientStarter(runtime: Runtime, hostname: string): TlsStarter {
  return (connection, options = {}) =>
    beginAsClient(
      runtime,
      connection,
      clientTls(runtime, options as ConnectTlsOptions, hostname),
    );
}

/** How a connection that was accepted begins TLS. */
export function serverStarter(runtime: Runtime): TlsStarter {
  /** By the options, so that whoever gives the same ones has their files read once. */
  const known = new WeakMap<object, { settings: TlsServerSettings; server: TlsServer }>();
  return async (connection, options) => {
    const given = options ?? {};
    let found = known.get(given);
    if (!found) {
      const tls = await runtime.tls();
      const [settings] = readTls(runtime, tls, [tlsGiven(given as TlsOptions)]);
      found = { settings: settings!, server: tls.tlsServer(settings!) };
      known.set(given, found);
    }
    const { settings, server } = found;
    return await inTime(connection, settings.timeout, async () => {
      const tls = await shakeHands(connection, settings, server).catch((error) => {
        throw error instanceof Refused ? refused(error) : error;
      });
      if (tls !== null) return tls;
      throw new SystemError("EPROTO", "The client has left instead of shaking hands");
    });
  };
}

/** A handshake that fails, or takes too long, ends the connection. */
async function inTime<T>(
  connection: SocketConnection,
  milliseconds: number,
  shake: () => Promise<T>,
): Promise<T> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void connection.breakOff(0, "ETIMEDOUT");
  }, milliseconds);
  try {
    return await shake();
  } catch (error) {
    void connection.breakOff(0);
    if (!isLate) throw error;
    throw new SystemError("ETIMEDOUT", `No handshake of TLS in ${milliseconds / 1000} s`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** What runtimes say of it, without what they say of it first. */
function namesIn(message: string): string {
  const [, names] = /altnames: (?:.*altnames: )?(.*)$/.exec(message) ?? [];
  return names === undefined ? message : `it is for ${names}`;
}

/** What a handler is told of a client that did not do its part. */
function refused({ reason, message }: Refused): SystemError {
  const what = reason === "tls_none"
    ? "The client does not speak TLS"
    : reason === "tls_certificate"
    ? "The client has no certificate that is trusted"
    : "The handshake of TLS has failed";
  return new SystemError("EPROTO", message === "" ? what : `${what}: ${message}`);
}

/** What is wrong with the server's certificate, if that is what the error says. */
function notTrusted(error: unknown, servername: string): SystemError | null {
  const code = certificateError(error);
  if (code === null) return null;
  const { cause } = error as Error;
  const why = code.includes("ALTNAME")
    ? `is not for ${servername}: ${namesIn(errorMessage(cause))}`
    : `is not trusted (${code}): name its authority with ca`;
  return new SystemError("EPROTO", `The server's certificate ${why}`, cause);
}
