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
  close: { parameters: ["i32"], result: "i32" },
};

const MFD_CLOEXEC = 1;

/** The file; whoever has its descriptor open shares it. */
export class MemoryFile {
  /** By which it is handed to a process that shares it. */
  readonly descriptor: number;
  readonly #library: ForeignLibrary;

  /**
   * @param descriptor of a file that was made elsewhere; without it a new one is made
   * @throws {SystemError} if no descriptor is free
   */
  constructor(runtime: Runtime, descriptor?: number) {
    this.#library = runtime.openLibrary(FUNCTIONS);
    const name = new TextEncoder().encode("trivet\0");
    this.descriptor = descriptor ?? this.#library.functions.memfd_create(name, MFD_CLOEXEC);
    if (this.descriptor >= 0) return;
    this.#library.close();
    throw new SystemError("EMFILE", "No descriptor is free for memory that workers share");
  }

  /**
   * Writes all bytes from an offset on; the file grows to hold them. Returns whether it could:
   * no file may be larger than a limit (setrlimit(2)).
   */
  write(bytes: Uint8Array, offset: number): boolean {
    const { pwrite } = this.#library.functions;
    return pwrite(this.descriptor, bytes, bytes.length, offset) === bytes.length;
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
