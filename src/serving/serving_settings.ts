/**
 * What a connection's service needs of the options, in the main process and in
 * every worker alike.
 * @module
 */
import type { ServeOptions } from "../options.ts";
import type { AccessSettings } from "./access_prelude.ts";
import type { TlsServerSettings } from "../tls/tls_settings.ts";
import type { ProxySettings } from "./proxy_prelude.ts";

/** The options by which each connection is served; plain values, so that a worker can be told. */
export type ServingSettings =
  & Required<
    Pick<
      ServeOptions,
      | "model"
      | "linger"
      | "idleTimeout"
      | "connectionTimeout"
      | "firstByteTimeout"
      | "minRate"
      | "minRateGrace"
      | "shutdownTimeout"
      | "drainSpread"
      | "maxConnectionsPerWorker"
      | "messages"
    >
  >
  & {
    /** By place, whose PROXY headers are read; null: none is expected there. */
    readonly proxies: readonly (ProxySettings | null)[];
    /** By place, how it is encrypted; null: it is not. */
    readonly tls: readonly (TlsServerSettings | null)[];
    /** Who may be a client; null: everybody. */
    readonly access: AccessSettings | null;
  };

/** Whether any place is. */
export function isEncrypted({ tls }: Pick<ServingSettings, "tls">): boolean {
  return tls.some((secured) => secured !== null);
}
