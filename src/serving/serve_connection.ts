/**
 * One connection, from its handler's first line to its close.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { type ErrorReport, errorReport } from "../connection/error_report.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { CloseReason, EventSink } from "../events.ts";
import type { Context, Handler } from "../handler/handler.ts";
import type { Look } from "../status/book.ts";
import { sourceOf } from "./refusals.ts";
import type { ServingSettings } from "./serving_settings.ts";

/** A connection that is being served. */
export interface ServedConnection {
  /** Resolves when it is closed and reported; never rejects. */
  readonly done: Promise<void>;
  /** Tells what it is and does now. */
  look(look: Look): void;
  /** Ends it now, whatever its handler does. */
  end(reason: CloseReason, error?: unknown): void;
}

/** Runs the handler, closes the connection well, and reports both. */
export function serveConnection(
  connection: SocketConnection,
  handler: Handler,
  context: Context,
  settings: ServingSettings,
  onEvent: EventSink,
): ServedConnection {
  const serving = new Serving(connection, context, settings, onEvent);
  void serving.run(handler, context);
  return serving;
}

class Serving implements ServedConnection {
  readonly done: Promise<void>;
  readonly #connection: SocketConnection;
  // Not the context's and the connection's own, which the handler may change.
  readonly #id: Context["id"];
  readonly #worker: Context["worker"];
  readonly #remoteAddr: SocketConnection["remoteAddr"];
  readonly #isLocal: boolean;
  readonly #settings: ServingSettings;
  readonly #onEvent: EventSink;
  readonly #started = performance.now();
  #outcome: { readonly reason: CloseReason } & Partial<ErrorReport> | null = null;
  #resolve!: () => void;
  #reported = false;

  constructor(
    connection: SocketConnection,
    context: Context,
    settings: ServingSettings,
    onEvent: EventSink,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#onEvent = onEvent;
    this.done = new Promise((resolve) => this.#resolve = resolve);

    const { id, worker, proxy } = context;
    this.#id = id;
    this.#worker = worker;
    const { remoteAddr } = connection;
    this.#remoteAddr = remoteAddr;
    this.#isLocal = proxy !== null && isSame(remoteAddr, proxy.peer);
    onEvent({ type: "accepted", id, remoteAddr, worker });
    connection.linger = settings.linger;
    if (settings.messages) {
      connection.onMessage = (bytes) =>
        onEvent({
          type: "message",
          id,
          bytes: bytes.slice(0, MESSAGE_SHOWN),
          length: bytes.length,
          worker,
        });
    }
    if (settings.connectionTimeout > 0) {
      connection.setLifeTimeout(settings.connectionTimeout, () => this.#report());
    }
  }

  /** Never rejects. */
  async run(handler: Handler, context: Context): Promise<void> {
    const { idleTimeout, firstByteTimeout: firstByte, minRate, minRateGrace, linger } =
      this.#settings;
    try {
      if (firstByte > 0 || minRate > 0) {
        const limits = { firstByte, minRate, grace: minRateGrace };
        this.#connection.setPeerLimits(limits, () => this.#report());
      }
      if (idleTimeout > 0) this.#connection.setIdleTimeout(idleTimeout, () => this.#report());
      await handler(this.#connection, context);
      await this.#connection.finish(linger);
    } catch (error) {
      this.#failed(error);
      await this.#connection.abort();
    }
    this.#report();
  }

  look(look: Look): void {
    const { doing, bytesRead, bytesWritten } = this.#connection;
    look(this.#id, doing, bytesRead, bytesWritten);
  }

  end(reason: CloseReason, error?: unknown): void {
    if (this.#connection.closedBy === null) {
      this.#outcome ??= error === undefined ? { reason } : { reason, ...errorReport(error) };
    }
    // Of an error only this connection ends, and what was written before goes out.
    const ended = this.#connection.breakOff(error === undefined ? 0 : this.#settings.linger);
    if (error === undefined) this.#report();
    else void ended.then(() => this.#report());
  }

  #failed(error: unknown): void {
    this.#outcome ??= { reason: "error", ...errorReport(error) };
  }

  /** Once: a handler that ignores that its connection has ended keeps nobody waiting. */
  #report(): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#connection.stopLifeTimer();
    const { bytesRead, bytesWritten, closedBy, slow } = this.#connection;
    if (closedBy === "ETIMEDOUT") {
      this.#outcome = { reason: "timeout", ...(slow ? { error: slow.message } : {}) };
    }
    this.#onEvent({
      type: "closed",
      id: this.#id,
      remoteAddr: this.#remoteAddr,
      worker: this.#worker,
      bytesRead,
      bytesWritten,
      milliseconds: Math.round(performance.now() - this.#started),
      ...(this.#isLocal ? { local: true } : undefined),
      ...(this.#outcome ?? { reason: "handler" }),
    });
    this.#resolve();
  }
}

/** Checks of HAProxy (2.6) with version 1 name their own ends, instead of saying UNKNOWN. */
function isSame(client: Address, peer: Address): boolean {
  if (client.transport === "unix" || peer.transport === "unix") return client === peer;
  return client.port === peer.port && sourceOf(client) === sourceOf(peer);
}

/** How much of a message an event carries. */
const MESSAGE_SHOWN = 256;
