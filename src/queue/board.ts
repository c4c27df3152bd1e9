/**
 * A board that workers share: each writes its own line, and reads all. In a file
 * of memory, so that it is the same on every runtime and no message can be late.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import { MemoryFile } from "../posix/memory_file.ts";
import type { Runtime } from "../runtime.ts";

/** Words of a line: connections that are open, whether it takes more, and how often it wrote. */
export const LINE_WORDS = 3;
const LINE_BYTES = 4 * LINE_WORDS;
/** The most lines. */
const LINES = 1024;

/** The board; whoever has its descriptor open shares it. */
export class Board {
  readonly #file: MemoryFile;
  readonly #all = new Int32Array(LINES * LINE_WORDS);
  readonly #allBytes = new Uint8Array(this.#all.buffer);
  readonly #line = new Int32Array(LINE_WORDS);
  readonly #lineBytes = new Uint8Array(this.#line.buffer);
  readonly #taken = new Set<number>();

  /**
   * @param descriptor of a board that is there; a new one without
   * @throws {SystemError} if no descriptor is free
   */
  constructor(runtime: Runtime, descriptor?: number) {
    this.#file = new MemoryFile(runtime, descriptor);
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
      return line;
    }
    throw new SystemError("EAGAIN", `There are ${LINES} workers already`);
  }

  /** The worker is gone, and with it what it wrote. */
  free(line: number): void {
    this.write(line, 0, false);
    this.#taken.delete(line);
  }

  /** Writes a line; only its worker does, as long as there is one. */
  write(line: number, open: number, takes: boolean): void {
    this.#line[0] = open;
    this.#line[1] = takes ? 1 : 0;
    this.#line[2]++;
    this.#file.write(this.#lineBytes, line * LINE_BYTES);
  }

  /** All lines as they are now, until it is called again. */
  read(): Int32Array {
    return this.#all.subarray(0, this.#file.read(this.#allBytes) / 4);
  }

  /** Closes it here. */
  close(): void {
    this.#file.close();
  }
}
