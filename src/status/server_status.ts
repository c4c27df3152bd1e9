/**
 * What a server tells of itself: the same object for programs, for `/status.json`
 * and for the page.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { CloseReason, RefusalReason } from "../events.ts";
import type { ModelName } from "../handler/handler.ts";

/** What a connection does: its handler waits for bytes, or for room to write, or does neither. */
export type ConnectionState =
  | "reads"
  | "writes"
  | "handler"
  /** Its handler has ended, and its client has not closed yet. */
  | "lingers"
  /** Its worker leaves, or the server shuts down, when it has ended. */
  | "drains"
  /** Its worker has not said anything for seconds, or does not leave. */
  | "stuck";

/** What a worker does. */
export type WorkerStatusState = "starting" | "idle" | "busy" | "leaving" | "stuck";

/** A connection that is open. Times are milliseconds. */
export interface ConnectionStatus {
  /** The handler's `context.id`. */
  readonly id: string;
  /** The client. */
  readonly client: Address;
  /** Whose it is: the worker's name, or `main`. */
  readonly worker: string;
  /** What it does; null where its worker has not told yet. */
  readonly state: ConnectionState | null;
  /** Since it was accepted. */
  readonly age: number;
  /** Since a byte moved, looked at once a second; null where that is not told. */
  readonly idle: number | null;
  /** Bytes that its handler has read; null where that is not told while it is open. */
  readonly bytesRead: number | null;
  /** Bytes that the kernel has taken; null where that is not told while it is open. */
  readonly bytesWritten: number | null;
}

/** A thread or process that serves connections. Times are milliseconds. */
export interface WorkerStatus {
  /** Such as `process 4711` and `thread 3`; `main` where the loop runs in the main process. */
  readonly name: string;
  /** The PID; of a thread and of `main` that of the server. Null while it is not known. */
  readonly pid: number | null;
  /** What it does. */
  readonly state: WorkerStatusState;
  /** How many reloads there had been when it was started. */
  readonly generation: number;
  /** Whether it is a fork. */
  readonly forked: boolean;
  /** Since it was ready; null before. */
  readonly age: number | null;
  /** Connections that it has. */
  readonly open: number;
  /** Connections that it has had, those that are open too. */
  readonly served: number;
  /** Bytes of memory; null for a thread, and where it cannot be told. */
  readonly memory: number | null;
  /** The part of the last second in which its event loop did not wait; null where that is not told. */
  readonly busy: number | null;
  /** How late a timer of its event loop was; null where it has none, or it is not told. */
  readonly loopDelay: number | null;
  /** Since it said so; null where the above is looked at and not said. */
  readonly reportedAgo: number | null;
}

/** A certificate that the server shows. */
export interface CertificateStatus {
  /** The hosts' names that it is for, wildcards among them; empty if it has none. */
  readonly names: readonly string[];
  /** In hexadecimal. */
  readonly serialNumber: string;
  /** When it ends, in milliseconds since the epoch. */
  readonly notAfter: number;
}

/** Counts that never fall while the server runs. */
export interface StatusTotals {
  /** Connections that a handler got; always as many as `closed` and those that are open. */
  readonly accepted: number;
  /** Connections that have ended. */
  readonly closed: number;
  /** Those of them on which no byte moved, or which were a proxy's own and brought none: probes. */
  readonly probes: number;
  /** Those that have ended, by reason. */
  readonly closedBy: Readonly<Record<CloseReason, number>>;
  /** Clients that were not let in, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Connections that ended with an error, by its code; `other` for those that have none. */
  readonly errors: Readonly<Record<string, number>>;
  /** Failures of `accept`, by code. */
  readonly acceptErrors: Readonly<Record<string, number>>;
  /** Bytes that handlers have read, of open connections too where they are told. */
  readonly bytesRead: number;
  /** Bytes that the kernel has taken, of open connections too where they are told. */
  readonly bytesWritten: number;
  /** Workers that were ready. */
  readonly workersStarted: number;
  /** Workers that have ended, by reason. */
  readonly workersExited: Readonly<Record<string, number>>;
  /** Reloads, by what came of them. */
  readonly reloads: Readonly<Record<"done" | "failed", number>>;
  /** Errors of no connection that was open. */
  readonly unhandled: number;
}

/** The last minutes, a value a second, the oldest first. */
export interface StatusHistory {
  /** Connections that were open. */
  readonly open: readonly number[];
  /** Connections that were accepted in that second. */
  readonly accepted: readonly number[];
  /** Clients that were refused, and connections that ended with an error, in that second. */
  readonly failed: readonly number[];
  /** Bytes that moved in that second, both ways. */
  readonly bytes: readonly number[];
  /** Clients that waited to be accepted. */
  readonly waiting: readonly number[];
}

/** What a server is and does now. Times are milliseconds, sizes bytes. Fields are only ever added. */
export interface ServerStatus {
  /** Changes when a field's meaning does. */
  readonly schema: 1;
  /** Of this answer, since the epoch. */
  readonly time: number;
  /** Trivet's version. */
  readonly version: string;
  /** The runtime's name. */
  readonly runtime: string;
  /** The runtime's version. */
  readonly runtimeVersion: string;
  /** The main process. */
  readonly pid: number;
  /** Its handler: a module's URL, `echo`, or `a function`. */
  readonly handler: string;
  /** Its model. */
  readonly model: ModelName;
  /** Where it listens; where that is in several places, the first of them. */
  readonly addr: Address;
  /** All places where it listens. */
  readonly addrs: readonly Address[];
  /** Connections that each of its loops has at once. */
  readonly each: "one" | "many";
  /** `stopping` from the first signal on. */
  readonly state: "serving" | "stopping";
  /** Whether a client would be served: it is not stopping, and there is a worker. */
  readonly ready: boolean;
  /** When it began to serve, since the epoch. */
  readonly started: number;
  /** Since it listens. */
  readonly uptime: number;
  /** What it may have at once. */
  readonly limits: {
    readonly connections: number;
    /** 0: no limit. */
    readonly connectionsPerSource: number;
    readonly backlog: number;
  };
  /** Connections that are open. */
  readonly open: number;
  /** Clients that wait to be accepted; null where the system does not tell. */
  readonly waiting: number | null;
  /** Memory of the main process; null where it cannot be told. */
  readonly memory: number | null;
  /** How late a timer of the main process was, looked at once a second. */
  readonly loopDelay: number;
  /** The part of the last second in which the main process's loop did not wait; null where that is not told. */
  readonly busy: number | null;
  /** What has happened so far. */
  readonly totals: StatusTotals;
  /** How long connections were open that have ended. */
  readonly durations: {
    /** Upper ends, in seconds; the last is without one. */
    readonly buckets: readonly number[];
    /** How many were in each, one more than `buckets`. */
    readonly counts: readonly number[];
    /** All together, in milliseconds. */
    readonly sum: number;
  };
  /** A letter for each place, at most 1,000; docs/status.md has what they mean. */
  readonly scoreboard: string;
  /** The workers, or the one loop of the main process. */
  readonly workers: readonly WorkerStatus[];
  /** Those that are open, the oldest first, at most 1,000. */
  readonly connections: readonly ConnectionStatus[];
  /** The largest of all, by bytes, at most 10. */
  readonly largest: readonly ConnectionStatus[];
  /** Whether there are more than `connections` has. */
  readonly truncated: boolean;
  /** What went wrong last, the newest first. */
  readonly troubles: readonly { readonly time: number; readonly text: string }[];
  /** The last minutes. */
  readonly history: StatusHistory;
  /** Those that it shows since the last reload, the default first; empty without TLS. */
  readonly certificates: readonly CertificateStatus[];
}
