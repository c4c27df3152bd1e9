/**
 * What happens on a connection before its handler: a header that is read, a
 * handshake. In every model, before the client is reported.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { RefusalReason } from "../events.ts";
import type { ProxyInfo } from "../proxy/proxy_header.ts";
import type { Runtime } from "../runtime.ts";
import { type Prelude, Refused } from "./prelude.ts";
import { isEncrypted, type ServingSettings } from "./serving_settings.ts";

/** What came of all preludes: the client is refused, or this is what they have found of it. */
export type Outcome =
  | { readonly refused: RefusalReason; readonly error?: string }
  | { readonly refused: null; readonly proxy: ProxyInfo | null; readonly left: boolean };

/**
 * Makes those that the options ask for, by place, in their order.
 * @throws {Error} of the runtime, where TLS is given what is not right
 */
export type MakePreludes = (settings: ServingSettings) => readonly (readonly Prelude[])[];

/**
 * How they are made for these settings, and for those that a reload reads. Nothing is loaded
 * for which no option asks. To add one, write its file and its lines here.
 */
export async function preludesFor(
  runtime: Pick<Runtime, "tls">,
  settings: ServingSettings,
): Promise<MakePreludes> {
  const isProxied = settings.proxies.some((proxy) => proxy !== null);
  const [ofProxy, ofAccess, ofTls, engine] = await Promise.all([
    isProxied ? import("./proxy_prelude.ts") : null,
    settings.access === null ? null : import("./access_prelude.ts"),
    isEncrypted(settings) ? import("./tls_prelude.ts") : null,
    isEncrypted(settings) ? runtime.tls() : null,
  ]);
  return ({ proxies, access, tls }) =>
    proxies.map((proxy, place) => {
      const secured = tls[place];
      return [
        ...(proxy === null ? [] : [ofProxy!.proxyPrelude(proxy)]),
        ...(access === null ? [] : [ofAccess!.accessPrelude(access)]),
        ...(secured === null ? [] : [ofTls!.tlsPrelude(secured, engine!.tlsServer(secured))]),
      ];
    });
}

/** Runs them; the client is refused if one of them fails or takes too long. */
export async function runPreludes(
  all: readonly Prelude[],
  connection: SocketConnection,
): Promise<Outcome> {
  let proxied: ProxyInfo | null = null;
  for (const { timeout, refusal, late, run } of all) {
    try {
      connection.setLifeTimeout(timeout);
      const { remoteAddr, localAddr, proxy, unread = NOTHING, left } = await run(connection);
      if (remoteAddr) connection.remoteAddr = remoteAddr;
      if (localAddr) connection.localAddr = localAddr;
      if (proxy) proxied = proxy;
      connection.handOn(unread);
      connection.uncount();
      if (left) return { refused: null, proxy: proxied, left };
    } catch (error) {
      if (connection.closedBy === "ETIMEDOUT") return { refused: late ?? refusal };
      if (!(error instanceof Refused)) return { refused: refusal, error: errorMessage(error) };
      return { refused: error.reason, ...(error.message ? { error: error.message } : {}) };
    }
    if (connection.closedBy !== null) return { refused: late ?? refusal };
  }
  connection.setLifeTimeout(0);
  return { refused: null, proxy: proxied, left: false };
}

const NOTHING = new Uint8Array(0);
