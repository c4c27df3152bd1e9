/**
 * What a connection's service needs of the options, in the main process and in
 * every worker alike.
 * @module
 */
import type { ServeOptions } from "../options.ts";

/** The options by which each connection is served; plain values, so that a worker can be told. */
export type ServingSettings = Required<
  Pick<
    ServeOptions,
    | "model"
    | "linger"
    | "idleTimeout"
    | "connectionTimeout"
    | "firstByteTimeout"
    | "minRate"
    | "minRateGrace"
    | "maxConnectionsPerWorker"
    | "messages"
    | "shutdownTimeout"
    | "drainSpread"
  >
>;
