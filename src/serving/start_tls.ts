/**
 * TLS that a connection begins: at once, as a client, or when its handler says so.
 * @module
 */
import { checkOptions, type Kind } from "../check_options.ts";
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import type { SocketConnection, TlsStarter } from "../connection/socket_connection.ts";
import type { TlsInfo } from "../connection/tls_info.ts";
import type { ConnectTlsOptions, TlsOptions } from "../connection/tls_options.ts";
import type { Runtime } from "../runtime.ts";
import type { TlsClientSettings } from "../tls/tls_settings.ts";
import { TlsSocket } from "../tls/tls_socket.ts";
import { pemOf } from "./pem.ts";

/** Milliseconds that a handshake may take, unless the options say otherwise. */
export const HANDSHAKE_TIMEOUT = 5000;

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
  checkOptions("connect with tls", options, CLIENT_KINDS);
  const { servername = hostname, ca, insecure = false, cert, key, alpn = [] } = options;
  const { minVersion = "1.2", handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot connect with tls: cert and key belong together");
  }
  if (minVersion !== "1.2" && minVersion !== "1.3") {
    throw new TypeError(`Cannot connect with minVersion "${minVersion}": it is 1.2 or 1.3`);
  }
  return {
    servername,
    ca: ca === undefined ? null : pemOf(runtime, ca, "ca"),
    insecure,
    certificate: cert === undefined || key === undefined
      ? null
      : { cert: pemOf(runtime, cert, "cert"), key: pemOf(runtime, key, "key") },
    alpn,
    min: `TLSv${minVersion}`,
    timeout: handshakeTimeout,
  };
}

/** Begins TLS as a client. */
export async function beginAsClient(
  runtime: Runtime,
  connection: SocketConnection,
  settings: TlsClientSettings,
): Promise<TlsInfo> {
  const { servername, timeout } = settings;
  return await inTime(connection, timeout, async () => {
    const socket = connection.layer((raw) =>
      new TlsSocket(raw, (events) => runtime.tlsClient(settings, events))
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

/** What is wrong with the server's certificate, if that is what the error says. */
function notTrusted(error: unknown, servername: string): SystemError | null {
  const { cause } = error as Error;
  const code = errorCode(cause) ?? "";
  if (code.includes("ALERT")) return null;
  if (code.includes("ALTNAME")) {
    return new SystemError(
      "EPROTO",
      `The server's certificate is not for ${servername}: ${errorMessage(cause)}`,
      cause,
    );
  }
  if (!/CERT|VERIFY|ISSUER/.test(code)) return null;
  return new SystemError(
    "EPROTO",
    `The server's certificate is not trusted (${code}): name its authority with ca`,
    cause,
  );
}
