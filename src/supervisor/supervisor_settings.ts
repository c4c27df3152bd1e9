/**
 * What a supervisor is told.
 * @module
 */
import type { Spreading } from "../serving/spread.ts";
import type { Scores } from "../status/scores.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import type { Common } from "./supervised_worker.ts";
import type { MemorySettings } from "./worker_memory.ts";

/** How a supervisor keeps its workers. */
export interface SupervisorSettings extends Common {
  /** Idle workers to keep beyond the busy ones. */
  readonly spares: number;
  /** The most workers at once. */
  readonly limit: number;
  /** Starts one. */
  readonly start: StartWorker;
  /** How many clients wait for a worker; null where it is not known. */
  readonly queueLength: () => number | null;
  /** Told when a worker waits for a client. */
  readonly onIdle?: () => void;
  /** Where workers tell of their clients; null: all send messages. */
  readonly scores?: Pick<Scores, "drain" | "sleep"> | null;
  /** Told once, when no worker can be kept running. */
  readonly onGiveUp: (error: Error) => void;
  /** Whether those that have a client are told of a shutdown, and ended, one after another. */
  readonly spreading?: Spreading | null;
  /** What a worker process may hold; null: it is not looked at. */
  readonly memory?: MemorySettings | null;
  /** Milliseconds between two looks at whether there are too many. */
  readonly shrinkInterval?: number;
}
