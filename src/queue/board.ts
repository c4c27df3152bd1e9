/**
 * A board that workers share: each writes its own line, and reads all. Memory that they map,
 * so that to look costs nothing and no message can be late.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import { mapMemory } from "../posix/mapped_memory.ts";
import { MemoryFile } from "../posix/memory_file.ts";
import type { Runtime } from "../runtime.ts";
import type { Counts } from "./turns.ts";

/** Words of a line: connections that are open, whether it takes more, and how often it wrote. */
export const LINE_WORDS = 3;
/** The most lines. */
const LINES = 1024;
/** The word before them: how many of them have ever been somebody's. */
const USED = 0;
/** The first word of the lines. */
const FIRST = 1;
const BYTES = 4 * (FIRST + LINE_WORDS * LINES);

/** The board, as the main process has it: a file, for it looks at nothing. */
export class Board {
  readonly #file: MemoryFile;
  readonly #taken = new Set<number>();
  #used = 0;

  /** @throws {SystemError} if no descriptor is free, or no file may be so large */
  constructor(runtime: Runtime) {
    this.#file = new MemoryFile(runtime, BYTES);
  }

  /** What another process needs to share it. */
  get descriptor(): number {
    return this.#file.descriptor;
  }

  /** A line for a new worker. */
  take(): number {
    for (let line = 0; line < LINES; line++) {
      if (this.#taken.has(line)) continue;
      this.#taken.add(line);
      this.#used = Math.max(this.#used, line + 1);
      this.#write(USED, this.#used);
      return line;
    }
    throw new SystemError("EAGAIN", `There are ${LINES} workers already`);
  }

  /** The worker is gone, and with it what it wrote. */
  free(line: number): void {
    this.#write(FIRST + LINE_WORDS * line, 0, 0);
    this.#taken.delete(line);
  }

  /** Closes it here. */
  close(): void {
    this.#file.close();
  }

  #write(word: number, ...values: number[]): void {
    this.#file.write(new Uint8Array(Int32Array.from(values).buffer), 4 * word);
  }
}

/** The board, as a worker has it. */
export class MappedBoard implements Counts {
  readonly #words: Int32Array;

  /**
   * @param descriptor of the board
   * @throws {SystemError} if it cannot be mapped
   */
  constructor(runtime: Runtime, descriptor: number) {
    this.#words = new Int32Array(mapMemory(runtime, descriptor, BYTES));
  }

  write(line: number, open: number, takes: boolean): void {
    const word = FIRST + LINE_WORDS * line;
    this.#words[word] = open;
    this.#words[word + 1] = takes ? 1 : 0;
    Atomics.add(this.#words, word + 2, 1); // after what it tells of
  }

  read(): Int32Array {
    const used = Math.min(LINES, this.#words[USED] >>> 0); // a handler may write there
    return this.#words.subarray(FIRST, FIRST + LINE_WORDS * used);
  }
}
