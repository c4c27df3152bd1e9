/**
 * How clients reach workers, and which way can be had.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { RefusalReason } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { Refusals } from "../serving/refusals.ts";
import type { Scores } from "../status/scores.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import type { CommonSettings } from "../workers/worker_settings.ts";
import type { ListenAt } from "./bind.ts";
import type { EntranceName, Model, Workers } from "./models.ts";
import type { Settings } from "./settings.ts";

/** How clients reach workers. */
export interface Entrance {
  /** Where it listens. */
  readonly addrs: readonly Address[];
  /** Those that end with this server. */
  readonly ownAddrs: readonly Address[];
  /** Whether workers share the listening sockets. */
  readonly sockets: "shared" | "handed over";
  /** Starts a worker that clients can reach. */
  readonly start: StartWorker;
  /** The most workers that this process's descriptors allow. */
  readonly room: number;
  /** What workers tell in memory; null: by messages alone. */
  readonly scores: Scores | null;
  /**
   * How many clients wait for a worker; null where it is not known.
   * @param whose of all queues, or of those that are ended with this server
   */
  queueLength(whose?: "all" | "own"): number | null;
  /** Lets clients in, until `stop`. Rejects for an error that cannot be waited out. */
  open(supervisor: Supervisor, opening: Opening): Promise<void>;
  /** A worker has become idle. */
  onIdle(): void;
  /** Lets nobody else come to the queues that are ended with this server. */
  dropNewcomers(): void;
  /** Refuses newcomers, and wakes workers that wait for one. */
  stop(): void;
  /** Gives back what is left, once the last worker is gone. */
  release(): void | Promise<void>;
}

/** What an entrance needs to let clients in. */
export interface Opening {
  /** Decides whether a client is let in, where workers do not ask themselves. */
  readonly refusals: Refusals;
  onNoRoom(code: string): void;
  onRefused(remoteAddr: Address, reason: RefusalReason): void;
}

/** What an entrance is made of. */
export interface EntranceOptions {
  readonly runtime: Runtime;
  readonly where: Model["where"];
  readonly places: readonly ListenAt[];
  readonly settings: Settings;
  /** What its workers are started with. */
  readonly common: CommonSettings;
}

/** The way that the options ask for, or that is left where no C library can be opened. */
export function chooseEntrance(
  runtime: Runtime,
  { entrances }: Workers,
  { handOver, workerPermissions }: Settings,
): EntranceName {
  const wanted = handOver || workerPermissions !== null || runtime.libraryRefusal() !== null;
  return wanted && entrances.includes("handed over") ? "handed over" : entrances[0];
}

/**
 * Refuses what cannot be had here.
 * @throws {SystemError} with one line that says what to do
 */
export function demandWorkers(runtime: Runtime, model: Model, settings: Settings): void {
  const why = refusal(runtime, model, settings);
  if (why !== null) throw new SystemError("EACCES", why);
}

function refusal(runtime: Runtime, model: Model, settings: Settings): string | null {
  const { maxWorkerMemory, workerPermissions } = settings;
  const noLibrary = runtime.libraryRefusal();
  const noProcess = runtime.processRefusal();
  if (model.each === "many") {
    const why = noProcess ?? (runtime.os === "linux" ? noLibrary : "they need Linux");
    if (why) return `Cannot serve with workers: ${why}, or leave them out`;
  }
  const why = model.where === "process" ? noProcess : noLibrary;
  if (why) {
    const name = settings.serving.model;
    return `Cannot serve under the model "${name}": ${why}, or pick --model multiplex`;
  }
  if (maxWorkerMemory > 0 && runtime.memoryOf(runtime.pid, Infinity) === null) {
    return "Cannot limit the workers' memory: /proc cannot be read; it needs Linux, and on Deno -A";
  }
  const unrestricted = workerPermissions && runtime.restrictionRefusal(workerPermissions);
  return unrestricted ? `Cannot restrict the workers' permissions: ${unrestricted}` : null;
}
