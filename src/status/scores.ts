/**
 * The scoreboard, seen from the main process: of threads it is shared memory, of
 * processes a file of memory.
 * @module
 */
import { MemoryFile } from "../posix/memory_file.ts";
import type { Runtime } from "../runtime.ts";
import { freeRow, readRows, type RowRead, scoreboardSize } from "./scoreboard.ts";

/** What workers that block tell of themselves. */
export interface Scores {
  /** What a thread needs to tell it. */
  readonly shared: SharedArrayBuffer | null;
  /** What a process needs. */
  readonly file: { readonly descriptor: number; readonly size: number } | null;
  /** What is told now, by the worker's number; null of one that has no connection. */
  read(): ReadonlyMap<number, RowRead | null>;
  /** The worker is gone, and its row for another. */
  free(number: number): void;
  /** Closes it here. */
  close(): void;
}

/** A scoreboard of so many threads. */
export function threadScores(workers: number): Scores {
  const shared = new SharedArrayBuffer(scoreboardSize(workers));
  return {
    shared,
    file: null,
    read: () => readRows(shared),
    free: (number) => void freeRow(shared, number),
    close: () => {},
  };
}

/**
 * A scoreboard of so many processes.
 * @throws {SystemError} if no descriptor is free
 */
export function processScores(runtime: Runtime, workers: number): Scores {
  const size = scoreboardSize(workers);
  const file = new MemoryFile(runtime);
  file.write(new Uint8Array(1), size - 1);
  const copy = new Uint8Array(size);
  const nobody = new Uint8Array(4);
  const read = () => {
    file.read(copy);
    return copy.buffer;
  };
  return {
    shared: null,
    file: { descriptor: file.descriptor, size },
    read: () => readRows(read()),
    free(number) {
      const offset = freeRow(read(), number);
      if (offset >= 0) file.write(nobody, offset);
    },
    close: () => file.close(),
  };
}
