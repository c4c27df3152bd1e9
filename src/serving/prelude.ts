/**
 * One thing that happens on a connection before its handler.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { RefusalReason } from "../events.ts";
import type { ProxyInfo } from "../proxy/proxy_header.ts";

/** What a prelude has found. */
export interface Found {
  /** The client's address, where the prelude was told of another than the socket's. */
  readonly remoteAddr?: Address;
  /** The address that the client has called, in the same case. */
  readonly localAddr?: Address;
  /** What `context.proxy` is. */
  readonly proxy?: ProxyInfo;
  /** Bytes that it has read, and that are the handler's. */
  readonly unread?: Uint8Array;
  /** The client has left without a byte, as a probe does: it is counted, and gets no handler. */
  readonly left?: true;
}

/** One thing that happens before the handler. */
export interface Prelude {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** What is reported of a client with which it fails. */
  readonly refusal: RefusalReason;
  /** The same of one that takes too long; without it that is `refusal` too. */
  readonly late?: RefusalReason;
  /**
   * Reads and writes what it has to, and waits for nothing else. If it rejects, the client
   * is refused; with a {@linkcode Refused} for that reason.
   */
  run(connection: SocketConnection): Promise<Found>;
}

/** A client that a prelude refuses, and why. */
export class Refused extends Error {
  /** For the event. */
  readonly reason: RefusalReason;
  /** @param why what the reason does not say */
  constructor(reason: RefusalReason, why?: string) {
    super(why);
    this.reason = reason;
  }
}
