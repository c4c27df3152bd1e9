/**
 * What the user of Trivet writes.
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { ProxyInfo } from "../proxy/proxy_header.ts";
import type { TlsInfo } from "../connection/tls_info.ts";

/** The models, by name. */
export type ModelName = "multiplex" | "iterative" | "thread" | "process";

/** Who holds a connection; the id is a process's PID or a thread's number. */
export interface WorkerName {
  /** What it is; `main` is the thread that called `serve`. */
  readonly kind: "main" | "thread" | "process";
  /** The PID of a process, the number of a thread, 0 for main. */
  readonly id: number;
}

/** What `start` and `stop` of a handler's module are told: where they run. */
export interface Place {
  /** The model that the server runs. */
  readonly model: ModelName;
  /** Who has loaded the module. */
  readonly worker: WorkerName;
}

/** What a handler is told beside its connection. */
export interface Context {
  /** Aborted when the server begins to shut down. */
  readonly signal: AbortSignal;
  /**
   * Aborted when the client has gone: it has reset, or both directions have ended; also
   * when the server has ended the connection. For a handler that waits for something else
   * and has no read pending.
   * @throws {SystemError} with `ENOTSUP` in a blocking handler, whose read or write rejects
   */
  readonly gone: AbortSignal;
  /** The connection's id, unique for the server's life. */
  readonly id: string;
  /** The model that the server runs. */
  readonly model: ModelName;
  /** Who runs the handler. */
  readonly worker: WorkerName;
  /** What the proxy told through which the client came; null where none is expected (`proxyProtocol`). */
  readonly proxy: ProxyInfo | null;
  /** What the handshake has agreed on, as `connection.tls`; null where it is not encrypted. */
  readonly tls: TlsInfo | null;
}

/** What happens on one connection. It is closed when the handler has ended. */
export type Handler = (
  connection: Connection,
  context: Context,
) => void | Promise<void>;
