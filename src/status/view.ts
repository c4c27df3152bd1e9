/**
 * What a server shows of itself when it is looked at, beside its events.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ModelName, WorkerName } from "../handler/handler.ts";
import type { Look } from "./book.ts";
import type { CertificateStatus } from "./server_status.ts";

/** A worker as its supervisor has it. */
export interface WorkerView {
  readonly name: WorkerName;
  readonly state: "starting" | "idle" | "busy" | "leaving";
  /** How many reloads there had been when it was started. */
  readonly generation: number;
  readonly open: number;
  /** How it tells what it does: it reports, or is looked at; null: not at all. */
  readonly tells: "reports" | "shows" | null;
  /** What it reported last of its event loop, and when on the clock of `performance.now()`. */
  readonly reported:
    | { readonly busy: number | null; readonly delay: number; readonly at: number }
    | null;
}

/** A server as it is now. */
export interface View {
  readonly stopping: boolean;
  /** Clients that wait to be accepted; null where the system does not tell. */
  readonly waiting: number | null;
  /** null: the loop runs in the main process. */
  readonly workers: readonly WorkerView[] | null;
  /** Those that it shows; empty without TLS. */
  readonly certificates: readonly CertificateStatus[];
  /** Tells of the connections of which something is known. */
  lookAt(look: Look): void;
}

/** What does not change while a server runs. */
export interface About {
  readonly model: ModelName;
  readonly handler: string;
  /** Where it listens. */
  readonly addrs: readonly Address[];
  /** Connections that each loop has at once. */
  readonly each: "one" | "many";
  readonly limits: {
    readonly connections: number;
    readonly connectionsPerSource: number;
    readonly backlog: number;
  };
}

/** A server that can be looked at. */
export interface Visible {
  readonly about: About;
  /** As it is now. */
  view(): View;
}
