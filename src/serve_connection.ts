/**
 * One connection, from its handler's first line to its close.
 * @module
 */
import { errorCode, errorMessage } from "./errors.ts";
import type { CloseReason, EventSink } from "./events.ts";
import type { Context, Handler } from "./handler.ts";
import type { SocketConnection } from "./socket_connection.ts";

/** What is the same for all connections of one accept loop. */
export interface ServeSettings {
  /** Milliseconds to wait for the peer's close after FIN. */
  readonly linger: number;
  /** Milliseconds without a byte after which a connection ends; 0 for none. */
  readonly idleTimeout: number;
  /** Milliseconds after which a connection ends, whatever moves; 0 for none. */
  readonly connectionTimeout: number;
  /** Whether `message` events are asked for. */
  readonly messages: boolean;
  /** Told of what happens. */
  readonly onEvent: EventSink;
}

/** A connection that is being served. */
export interface ServedConnection {
  /** Resolves when it is closed and reported; never rejects. */
  readonly done: Promise<void>;
  /** Ends it now, whatever its handler does. */
  end(reason: CloseReason, error?: unknown): void;
}

/** Runs the handler, closes the connection well, and reports both. */
export function serveConnection(
  connection: SocketConnection,
  handler: Handler,
  context: Context,
  settings: ServeSettings,
): ServedConnection {
  const { id, worker } = context;
  const { remoteAddr } = connection;
  const started = performance.now();
  const ended = Promise.withResolvers<void>();
  let outcome: { readonly reason: CloseReason; readonly error?: string } | null = null;
  const failed = (error: unknown) => void (outcome ??= { reason: "error", error: describe(error) });
  const end = (why: CloseReason, error?: unknown) => {
    if (connection.closedBy === null) {
      outcome ??= error === undefined ? { reason: why } : { reason: why, error: describe(error) };
    }
    connection.close();
    ended.resolve();
  };

  settings.onEvent({ type: "accepted", id, remoteAddr, worker });
  if (settings.messages) {
    connection.onMessage = (bytes) =>
      settings.onEvent({
        type: "message",
        id,
        bytes: bytes.slice(0, MESSAGE_SHOWN),
        length: bytes.length,
        worker,
      });
  }

  const lifeTimer = settings.connectionTimeout > 0
    ? connection.setLifeTimeout(settings.connectionTimeout, ended.resolve)
    : null;

  const run = async () => {
    try {
      if (settings.idleTimeout > 0) {
        connection.setIdleTimeout(settings.idleTimeout, ended.resolve);
      }
      await handler(connection, context);
    } catch (error) {
      failed(error);
    }
    try {
      await connection.finish(settings.linger);
    } catch (error) {
      failed(error);
    }
  };

  // A handler that ignores that its connection has ended keeps nobody waiting.
  const done = Promise.race([run(), ended.promise]).then(() => {
    if (lifeTimer !== null) clearTimeout(lifeTimer);
    const milliseconds = Math.round(performance.now() - started);
    const { bytesRead, bytesWritten } = connection;
    if (connection.closedBy === "ETIMEDOUT") outcome = { reason: "timeout" };
    settings.onEvent({
      type: "closed",
      id,
      remoteAddr,
      worker,
      bytesRead,
      bytesWritten,
      milliseconds,
      ...(outcome ?? { reason: "handler" }),
    });
  });
  return { done, end };
}

/** How much of a message an event carries. */
const MESSAGE_SHOWN = 256;

function describe(error: unknown): string {
  const code = errorCode(error);
  const message = errorMessage(error);
  return code && !message.includes(code) ? `${code}: ${message}` : message;
}
