/**
 * The scoreboard, seen from the main process: of threads it is shared memory, of
 * processes a file of memory.
 * @module
 */
import { errorCode } from "../connection/errors.ts";
import { MemoryFile } from "../posix/memory_file.ts";
import type { Runtime } from "../runtime.ts";
import { placesOf, ringBytes } from "./event_ring.ts";
import {
  freeRow,
  HEADER_BYTES,
  readRings,
  readRows,
  type RowRead,
  rowsSize,
  scoreboardSize,
  setSleeping,
  type Take,
  usedBytes,
} from "./scoreboard.ts";

/** What workers tell of themselves. */
export interface Scores {
  /** What a thread needs to tell it. */
  readonly shared: SharedArrayBuffer | null;
  /** What a process needs. */
  readonly file: { readonly descriptor: number; readonly size: number } | null;
  /** What is told now, by the worker's number; null of one that has no connection. */
  read(): ReadonlyMap<number, RowRead | null>;
  /** Gives what workers have told since the last time, of each in order. */
  drain(take: Take): void;
  /** Whether workers shall say when they have told something. */
  sleep(sleeps: boolean): void;
  /** The worker is gone, and its row for another. */
  free(number: number): void;
  /** Closes it here. */
  close(): void;
}

/** A scoreboard of so many threads. */
export function threadScores(workers: number): Scores {
  const bytes = ringBytes("one");
  const shared = new SharedArrayBuffer(scoreboardSize(workers, bytes));
  const rings = rowsSize(workers);
  const rows = new Int32Array(shared, 0, rings / 4);
  const ringOf = (row: number) => new Uint8Array(shared, rings + bytes * row, bytes);
  const write = (bytes: Uint8Array, offset: number) => new Uint8Array(shared).set(bytes, offset);
  return {
    shared,
    file: null,
    read: () => readRows(rows),
    drain: (take) =>
      readRings(rows, ringOf, (word, value) => Atomics.store(rows, word, value), take),
    sleep: (sleeps) => setSleeping(shared, sleeps),
    free: (number) => freeRow(rows, number, write),
    close: () => {},
  };
}

/**
 * A scoreboard of so many processes with one client or many each; null if no file may be so
 * large: who touches what was mapped beyond its end gets SIGBUS.
 * @throws {SystemError} if no descriptor is free
 */
export function processScores(
  runtime: Runtime,
  workers: number,
  each: "one" | "many" = "one",
): Scores | null {
  const bytes = ringBytes(each);
  const size = scoreboardSize(workers, bytes);
  let file: MemoryFile;
  try {
    file = new MemoryFile(runtime, size);
  } catch (error) {
    if (errorCode(error) === "EFBIG") return null;
    throw error;
  }
  const rings = rowsSize(workers);
  const copy = new Uint8Array(rings);
  const rows = new Int32Array(copy.buffer);
  const ring = new Uint8Array(bytes);
  const write = (bytes: Uint8Array, offset: number) => void file.write(bytes, offset);
  const read = () => {
    file.read(copy.subarray(0, HEADER_BYTES));
    file.read(copy.subarray(0, usedBytes(rows)));
    return rows;
  };
  const ringOf = (row: number, read: number, written: number) => {
    for (const [start, end] of placesOf(read, written, bytes)) {
      file.read(ring.subarray(start, end), rings + bytes * row + start);
    }
    return ring;
  };
  return {
    shared: null,
    file: { descriptor: file.descriptor, size },
    read: () => readRows(read()),
    drain: (take) =>
      readRings(
        ...[read(), ringOf] as const,
        (word, value) => write(new Uint8Array(Int32Array.of(value).buffer), 4 * word),
        take,
      ),
    sleep(sleeps) {
      const word = new Uint8Array(4);
      setSleeping(word.buffer, sleeps);
      file.write(word, 0);
    },
    free: (number) => freeRow(read(), number, write),
    close: () => file.close(),
  };
}
