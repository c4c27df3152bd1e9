/**
 * What happens on a connection before its handler: a header that is read, a
 * handshake. In every model, before the client is counted and reported.
 * @module
 */
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { RefusalReason } from "../events.ts";
import type { ServingSettings } from "./serving_settings.ts";

/** One thing that happens before the handler. */
export interface Prelude {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** What is reported of a client with which it fails. */
  readonly refusal: RefusalReason;
  /**
   * Reads and writes what it has to; it may set the connection's `remoteAddr`.
   * If it rejects, the connection is closed.
   */
  run(connection: SocketConnection): Promise<void>;
}

/** Those that the options ask for, in their order. To add one, write its file and its line here. */
export function preludes(_settings: ServingSettings): readonly Prelude[] {
  return [];
}

/** Runs them; false if one failed or took too long, and the connection is to be closed. */
export async function runPreludes(
  all: readonly Prelude[],
  connection: SocketConnection,
  onRefused: (reason: RefusalReason) => void,
): Promise<boolean> {
  for (const { timeout, refusal, run } of all) {
    try {
      connection.setLifeTimeout(timeout);
      await run(connection);
    } catch {
      onRefused(refusal);
      return false;
    }
  }
  connection.setLifeTimeout(0);
  return true;
}
