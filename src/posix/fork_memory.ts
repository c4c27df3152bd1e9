/**
 * The memory that a fork has a copy of. V8 and JavaScriptCore tell the kernel to keep
 * theirs out of it (`MADV_DONTFORK`), and a child without it dies. Linux only.
 * @module
 */
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import type { Libc } from "./libc.ts";

const FUNCTIONS: ForeignFunctions = {
  madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
};

const MADV_DOFORK = 11;
/** See proc_pid_maps(5). */
const MAPS = "/proc/self/maps";
/** The end of all addresses that a process may have, on x86-64 and on arm64. */
const END = 1n << 48n;

/** All of a process's memory, also what it will have. */
export class ForkMemory {
  readonly #functions: ForeignLibrary["functions"];
  /** Addresses, each with the next: in between, one call reaches everything. */
  readonly #bounds: bigint[] = [0n];

  /** What it opens of the C library stays open. */
  constructor(runtime: Runtime, libc: Libc) {
    this.#functions = runtime.openLibrary(FUNCTIONS).functions;
    const { madvise } = this.#functions;
    // One call goes on behind a gap, but ends at what is a device's, or the kernel's
    // like [vvar] and, before Linux 6.10, the rings of io_uring: EINVAL.
    for (const [, from, to] of libc.readText(MAPS).matchAll(/^([0-9a-f]+)-([0-9a-f]+) /gm)) {
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
}
