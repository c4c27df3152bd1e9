/**
 * What happens on a connection before its handler: a header that is read, a
 * handshake. In every model, before the client is reported.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { RefusalReason } from "../events.ts";
import type { ServingSettings } from "./serving_settings.ts";

/** What a prelude has found. */
export interface Found {
  /** The client's address, where the prelude was told of another than the socket's. */
  readonly remoteAddr?: Address;
  /** Bytes that it has read, and that are the handler's. */
  readonly unread?: Uint8Array;
}

/** One thing that happens before the handler. */
export interface Prelude {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** What is reported of a client with which it fails. */
  readonly refusal: RefusalReason;
  /** Reads and writes what it has to, and waits for nothing else. If it rejects, the client is refused. */
  run(connection: SocketConnection): Promise<Found>;
}

/** Those that the options ask for, in their order. To add one, write its file and its line here. */
export function preludes(_settings: ServingSettings): readonly Prelude[] {
  return [];
}

/** Runs them; returns why the client is refused, if one of them fails or takes too long. */
export async function runPreludes(
  all: readonly Prelude[],
  connection: SocketConnection,
): Promise<RefusalReason | null> {
  for (const { timeout, refusal, run } of all) {
    try {
      connection.setLifeTimeout(timeout);
      const { remoteAddr, unread = NOTHING } = await run(connection);
      if (remoteAddr) connection.remoteAddr = remoteAddr;
      connection.handOn(unread);
    } catch {
      return refusal; // and whoever wants to know more is told by that
    }
  }
  if (connection.closedBy === null) connection.setLifeTimeout(0);
  return null;
}

const NOTHING = new Uint8Array(0);
