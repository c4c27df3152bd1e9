/**
 * What becomes of a worker process that holds much memory.
 * @module
 */
import type { SupervisedWorker } from "./supervised_worker.ts";

/** Milliseconds between two looks; a process grows by hundreds of MiB in a second. */
export const MEMORY_INTERVAL = 250;

/** The memory that a worker may hold, and how to find out what it does. */
export interface MemorySettings {
  /** MiB. */
  readonly limit: number;
  /** Bytes that a process holds for itself, see `Runtime.memoryOf`. */
  readonly of: (pid: number, enough: number) => number | null;
}

/** Looks at the memory of workers while it runs. */
export class MemoryWatch {
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * Beyond the limit a worker is replaced, beyond twice of it ended.
   * @param replace asks a worker to leave, and starts another
   */
  constructor(
    settings: MemorySettings,
    workers: ReadonlyMap<number, SupervisedWorker>,
    replace: (worker: SupervisedWorker) => void,
  ) {
    this.#timer = setInterval(() => {
      for (const worker of workers.values()) {
        const verdict = judgeMemory(settings, worker.handle.name.id);
        if (verdict?.what === "end") {
          worker.why = verdict.why;
          worker.handle.kill();
          // One that has served nobody is not replaced: the next one would hold as much.
        } else if (verdict && worker.served && worker.state !== "leaving") {
          worker.why = verdict.why;
          replace(worker);
        }
      }
    }, MEMORY_INTERVAL);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** What to do with a worker, and why. */
interface Verdict {
  /** Ask it to leave after its connection, or end it. */
  readonly what: "replace" | "end";
  /** For people. */
  readonly why: string;
}

function judgeMemory({ limit, of }: MemorySettings, pid: number): Verdict | null {
  const held = Math.round((of(pid, limit * 2 ** 20) ?? 0) / 2 ** 20);
  if (held <= limit) return null;
  const why = `it held ${held} MiB of memory, and may hold ${limit}`;
  return { what: held > 2 * limit ? "end" : "replace", why };
}
