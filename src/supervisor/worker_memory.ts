/**
 * What becomes of a worker process that holds much memory.
 * @module
 */

/** Milliseconds between two looks; a process grows by hundreds of MiB in a second. */
export const MEMORY_INTERVAL = 250;

/** The memory that a worker may hold, and how to find out what it does. */
export interface MemorySettings {
  /** MiB. */
  readonly limit: number;
  /** Bytes that a process holds for itself; null if that cannot be told. */
  readonly of: (pid: number) => number | null;
}

/** What to do with a worker, and why. */
export interface Verdict {
  /** Ask it to leave after its connection, or end it. */
  readonly what: "replace" | "end";
  /** For people. */
  readonly why: string;
}

/** Beyond the limit a worker is replaced, beyond twice of it ended. */
export function judgeMemory({ limit, of }: MemorySettings, pid: number): Verdict | null {
  const held = Math.round((of(pid) ?? 0) / 2 ** 20);
  if (held <= limit) return null;
  const why = `it held ${held} MiB of memory, and may hold ${limit}`;
  return { what: held > 2 * limit ? "end" : "replace", why };
}
