/**
 * What happens in a server, for logs, metrics and tests.
 * @module
 */
import type { Address } from "./connection/connection.ts";
import type { ModelName, WorkerName } from "./handler/handler.ts";

/** Why a connection ended. */
export type CloseReason =
  | "handler"
  | "error"
  | "timeout"
  | "shutdown"
  | "worker";

/**
 * Why a client was not let in: too many connections, too many from where it
 * comes from, or too few descriptors; or where a PROXY header is expected, a sender
 * that is not trusted, no header that is right, or none in time; or where TLS is
 * expected, something else than TLS, no handshake that ends well, none in time, or no
 * certificate that is trusted where a client must have one.
 */
export type RefusalReason =
  | "connections"
  | "source"
  | "descriptors"
  | "denied"
  | "proxy_untrusted"
  | "proxy_header"
  | "proxy_timeout"
  | "tls_none"
  | "tls_handshake"
  | "tls_timeout"
  | "tls_certificate";

/** Something that happened in the server; each `accepted` has one `closed`. */
export type ServerEvent =
  & {
    /** Milliseconds since the epoch. */
    readonly time: number;
  }
  & (
    | {
      readonly type: "listening";
      readonly addr: Address;
      /** All places where it listens; absent where that is one. */
      readonly addrs?: readonly Address[];
      readonly model: ModelName;
      /** How workers get their connections; absent where there are none. */
      readonly sockets?: "shared" | "handed over";
      /** The URL of the handler's module, `echo`, or `a function`. */
      readonly handler: string;
      /** The main process. */
      readonly pid: number;
      /** Workers with an event loop each that were asked for. */
      readonly workers: number;
      /** Connections at once. */
      readonly maxConnections: number;
      /** Whether all places are encrypted, or some; absent where none is. */
      readonly tls?: "all" | "some";
      /** Others than this machine can reach it, and no time limit ends a client that says nothing. */
      readonly keepsSilent?: true;
      /** Where the status is told, if it is. */
      readonly status?: Address;
    }
    | {
      readonly type: "accepted";
      readonly id: string;
      readonly remoteAddr: Address;
      readonly worker: WorkerName;
    }
    | {
      readonly type: "message";
      readonly id: string;
      /** The first of them. */
      readonly bytes: Uint8Array;
      /** How many there were. */
      readonly length: number;
      readonly worker: WorkerName;
    }
    | {
      readonly type: "closed";
      readonly id: string;
      readonly remoteAddr: Address;
      readonly worker: WorkerName;
      /** Bytes; absent, as the next, where the worker has died and could not tell. */
      readonly bytesRead?: number;
      readonly bytesWritten?: number;
      readonly milliseconds: number;
      /** It was a proxy's own, such as a check: its PROXY header named no other; absent otherwise. */
      readonly local?: true;
      readonly reason: CloseReason;
      /** What the handler threw, what the client did not do in time, or how its worker ended. */
      readonly error?: string;
      /** The error's code: POSIX's, or the runtime's own. */
      readonly code?: string;
      /** Where it was thrown and what caused it; absent where the client has vanished. */
      readonly stack?: string;
    }
    | {
      readonly type: "accept_failed";
      readonly code: string;
      /** How many times since the last such event; at most one a second comes. */
      readonly count: number;
      readonly worker: WorkerName;
    }
    | {
      readonly type: "refused";
      /** The client that was closed at once, or the last of several. */
      readonly remoteAddr: Address;
      readonly reason: RefusalReason;
      /** What was wrong, where the reason does not say all. */
      readonly error?: string;
      /** How many since the last such event; at most one a second comes. */
      readonly count: number;
    }
    /**
     * Something that was asked for cannot be had, or a runtime warns of a handler's
     * module: each message once.
     */
    | { readonly type: "warning"; readonly message: string }
    | {
      readonly type: "worker_started";
      readonly worker: WorkerName;
      /** Whether it is a fork, and not a runtime that was started. */
      readonly forked?: boolean;
    }
    | {
      readonly type: "worker_exited";
      readonly worker: WorkerName;
      readonly reason: string;
    }
    /** A thread whose connection was ended did not leave; the runtime may not be able to end it. */
    | { readonly type: "worker_stuck"; readonly worker: WorkerName }
    /** An error of no connection that is open. */
    | {
      readonly type: "unhandled";
      readonly worker: WorkerName;
      readonly error: string;
      readonly code?: string;
      readonly stack?: string;
    }
    | {
      readonly type: "reloaded";
      /** All that is new, where there are no workers: the handler stays. */
      readonly only?: "files";
    }
    | { readonly type: "reload_failed"; readonly error: string }
    /** It shall stop, and accepts clients for so many milliseconds; then `shutdown` comes. */
    | { readonly type: "draining"; readonly open: number; readonly milliseconds: number }
    /** Newcomers are refused from here on. */
    | { readonly type: "shutdown"; readonly open: number }
    /** The time for open connections was over: so many were ended. */
    | { readonly type: "shutdown_timeout"; readonly ended: number }
    | { readonly type: "dropped"; readonly count: number }
  );

/** A {@linkcode ServerEvent} before its time is written down. */
export type UntimedEvent = ServerEvent extends infer E ? E extends unknown ? Omit<E, "time"> : never
  : never;

/** Takes events. It is called synchronously, so it must not take long. */
export type EventSink = (event: UntimedEvent) => void;
