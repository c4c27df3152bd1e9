/**
 * Memory that processes share: a file without a name (memfd_create(2)), read and
 * written as one. Linux only.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";

// Offsets as 32-bit integers, like lengths in libc_base.ts.
const FUNCTIONS: ForeignFunctions = {
  pread: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
};

const MFD_CLOEXEC = 1;
const RLIMIT_FSIZE = 1;

/** The file; whoever has its descriptor open shares it. */
export class MemoryFile {
  /** By which it is handed to a process that shares it. */
  readonly descriptor: number;
  readonly #library: ForeignLibrary;

  /**
   * @param size of the file, whose bytes are 0
   * @throws {SystemError} with `EMFILE` if no descriptor is free, with `EFBIG` if no file may
   * be so large
   */
  constructor(runtime: Runtime, size: number) {
    this.#library = runtime.openLibrary(FUNCTIONS);
    const { memfd_create, getrlimit } = this.#library.functions;
    const limits = new BigUint64Array(2); // soft, hard
    getrlimit(RLIMIT_FSIZE, new Uint8Array(limits.buffer));
    // Asked first: to write beyond it is a signal, which ends Deno (2.9), see setrlimit(2).
    if (size > limits[0]) {
      this.#library.close();
      throw new SystemError("EFBIG", `No file may have ${size} bytes: raise the limit (ulimit -f)`);
    }
    this.descriptor = memfd_create(new TextEncoder().encode("trivet\0"), MFD_CLOEXEC);
    if (this.descriptor < 0) {
      this.#library.close();
      throw new SystemError("EMFILE", "No descriptor is free for memory that workers share");
    }
    this.write(new Uint8Array(1), size - 1);
  }

  /** Writes all bytes from an offset on. */
  write(bytes: Uint8Array, offset: number): void {
    const { pwrite } = this.#library.functions;
    pwrite(this.descriptor, bytes, bytes.length, offset);
  }

  /** Reads from an offset on: how many bytes there were. */
  read(buffer: Uint8Array, offset = 0): number {
    const { pread } = this.#library.functions;
    return Math.max(0, pread(this.descriptor, buffer, buffer.length, offset));
  }

  /** Closes it here. */
  close(): void {
    this.#library.functions.close(this.descriptor);
    this.#library.close();
  }
}
