/**
 * The memory that a fork has a copy of. V8 and JavaScriptCore tell the kernel to keep
 * theirs out of it (`MADV_DONTFORK`), and a child without it dies. Linux only.
 * @module
 */
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";

const FUNCTIONS: ForeignFunctions = {
  madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
};

const MADV_DOFORK = 11;
const O_CLOEXEC = 0o2000000;
/** The end of all addresses that a process may have, on x86-64 and on arm64. */
const END = 1n << 48n;

/** All of a process's memory, also what it will have. */
export class ForkMemory {
  readonly #functions: ForeignLibrary["functions"];
  /** Addresses, each with the next: in between, one call reaches everything. */
  readonly #bounds: bigint[] = [0n];

  /** What it opens of the C library stays open. */
  constructor(runtime: Runtime) {
    this.#functions = runtime.openLibrary(FUNCTIONS).functions;
    const { madvise } = this.#functions;
    // One call goes on behind a gap, but ends at what is a device's, or the kernel's
    // like [vvar] and, before Linux 6.10, the rings of io_uring: EINVAL.
    for (const [, from, to] of this.#maps().matchAll(/^([0-9a-f]+)-([0-9a-f]+) /gm)) {
      const [start, end] = [BigInt(`0x${from}`), BigInt(`0x${to}`)];
      if (madvise(start, end - start, MADV_DOFORK) < 0) this.#bounds.push(start, end);
    }
    this.#bounds.push(END);
  }

  /** Gives it all to the next fork. To be called at the last moment: new memory is kept out again. */
  include(): void {
    const { madvise } = this.#functions;
    for (let i = 0; i < this.#bounds.length; i += 2) {
      const [start, end] = [this.#bounds[i], this.#bounds[i + 1]];
      if (start < end) madvise(start, end - start, MADV_DOFORK);
    }
  }

  /** See proc_pid_maps(5). */
  #maps(): string {
    const { open, read, close } = this.#functions;
    const file = open(new TextEncoder().encode("/proc/self/maps\0"), O_CLOEXEC);
    const buffer = new Uint8Array(65536);
    const decoder = new TextDecoder();
    let text = "";
    for (let length; (length = read(file, buffer, buffer.length)) > 0;) {
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
    close(file);
    return text;
  }
}
