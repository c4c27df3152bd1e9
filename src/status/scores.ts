/**
 * The scoreboard, seen from the main process: of threads it is shared memory, of
 * processes a file of memory.
 * @module
 */
import { MemoryFile } from "../posix/memory_file.ts";
import type { Runtime } from "../runtime.ts";
import {
  type Busy,
  freeRow,
  HEADER_BYTES,
  readBusy,
  readRows,
  type RowRead,
  scoreboardSize,
  setSleeping,
  usedBytes,
} from "./scoreboard.ts";

/** What workers that block tell of themselves. */
export interface Scores {
  /** What a thread needs to tell it. */
  readonly shared: SharedArrayBuffer | null;
  /** What a process needs. */
  readonly file: { readonly descriptor: number; readonly size: number } | null;
  /** What is told now, by the worker's number; null of one that has no connection. */
  read(): ReadonlyMap<number, RowRead | null>;
  /** Who is busy now, by the worker's number. */
  busy(): ReadonlyMap<number, Busy>;
  /** Whether workers shall say when that changes. */
  sleep(sleeps: boolean): void;
  /** The worker is gone, and its row for another. */
  free(number: number): void;
  /** Closes it here. */
  close(): void;
}

/** A scoreboard of so many threads. */
export function threadScores(workers: number): Scores {
  const shared = new SharedArrayBuffer(scoreboardSize(workers));
  const write = (bytes: Uint8Array, offset: number) => new Uint8Array(shared).set(bytes, offset);
  return {
    shared,
    file: null,
    read: () => readRows(shared),
    busy: () => readBusy(shared),
    sleep: (sleeps) => setSleeping(shared, sleeps),
    free: (number) => freeRow(shared, number, write),
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
  const write = (bytes: Uint8Array, offset: number) => file.write(bytes, offset);
  const read = () => {
    file.read(copy.subarray(0, HEADER_BYTES));
    file.read(copy.subarray(0, usedBytes(copy.buffer)));
    return copy.buffer;
  };
  return {
    shared: null,
    file: { descriptor: file.descriptor, size },
    read: () => readRows(read()),
    busy: () => readBusy(read()),
    sleep(sleeps) {
      const word = new Uint8Array(4);
      setSleeping(word.buffer, sleeps);
      file.write(word, 0);
    },
    free: (number) => freeRow(read(), number, write),
    close: () => file.close(),
  };
}
