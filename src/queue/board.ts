/**
 * A board that processes share: each writes its own line, and reads all. Memory
 * without a name (memfd_create(2)), read and written as a file. Linux only.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";

// Offsets as 32-bit integers, like lengths in libc.ts.
const FUNCTIONS: ForeignFunctions = {
  pread: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
};

const MFD_CLOEXEC = 1;

/** Words of a line: connections that are open, whether it takes more, and how often it wrote. */
export const LINE_WORDS = 3;
const LINE_BYTES = 4 * LINE_WORDS;
/** The most lines. */
const LINES = 1024;

/** The board; whoever has its descriptor open shares it. */
export class Board {
  readonly descriptor: number;
  readonly #library: ForeignLibrary;
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
    this.#library = runtime.openLibrary(FUNCTIONS);
    const name = new TextEncoder().encode("trivet\0");
    this.descriptor = descriptor ?? this.#library.functions.memfd_create(name, MFD_CLOEXEC);
    if (this.descriptor >= 0) return;
    this.#library.close();
    throw new SystemError("EMFILE", "No descriptor is free for the workers' counts");
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
    const { pwrite } = this.#library.functions;
    pwrite(this.descriptor, this.#lineBytes, LINE_BYTES, line * LINE_BYTES);
  }

  /** All lines as they are now, until it is called again. */
  read(): Int32Array {
    const { pread } = this.#library.functions;
    const length = pread(this.descriptor, this.#allBytes, this.#allBytes.length, 0);
    return this.#all.subarray(0, Math.max(0, length) / 4);
  }

  /** Closes it here. */
  close(): void {
    this.#library.functions.close(this.descriptor);
    this.#library.close();
  }
}
