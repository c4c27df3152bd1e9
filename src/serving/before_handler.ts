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
import { accessPrelude } from "./access_prelude.ts";
import { type Prelude, Refused } from "./prelude.ts";
import { proxyPrelude } from "./proxy_prelude.ts";
import type { TlsServerSettings } from "../tls/tls_settings.ts";
import { isEncrypted, type ServingSettings } from "./serving_settings.ts";

/** What came of all preludes: the client is refused, or this is what they have found of it. */
export type Outcome =
  | { readonly refused: RefusalReason; readonly error?: string }
  | { readonly refused: null; readonly proxy: ProxyInfo | null; readonly left: boolean };

/** Makes those of a place that is encrypted. */
type Secure = (settings: TlsServerSettings) => Prelude;

/**
 * Those that the options ask for, by place, in their order. To add one, write its file and its
 * line here.
 * @throws {Error} of the runtime, where TLS is given what is not right
 */
function preludes(
  { proxies, access, tls }: ServingSettings,
  secure: Secure | null,
): readonly (readonly Prelude[])[] {
  return proxies.map((proxy, place) => {
    const secured = tls[place];
    return [
      ...(proxy === null ? [] : [proxyPrelude(proxy)]),
      ...(access === null ? [] : [accessPrelude(access)]),
      ...(secured === null ? [] : [secure!(secured)]),
    ];
  });
}

/** Those of a server without TLS, of which nothing is loaded then. */
export function plainPreludes(settings: ServingSettings): readonly (readonly Prelude[])[] {
  return preludes(settings, null);
}

/** How they are made for these settings, and for those that a reload reads. */
export async function preludesFor(
  runtime: Pick<Runtime, "tls">,
  settings: ServingSettings,
): Promise<typeof plainPreludes> {
  if (!isEncrypted(settings)) return plainPreludes;
  const [{ tlsPrelude }, tls] = await Promise.all([import("./tls_prelude.ts"), runtime.tls()]);
  return (settings) => preludes(settings, (secured) => tlsPrelude(secured, tls.tlsServer(secured)));
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
