/**
 * fork(2), for a process that was started so that it may be forked: with no helper
 * thread that the child would wait for. Linux only.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import { ForkDescriptors } from "./fork_descriptors.ts";
import { ForkMemory } from "./fork_memory.ts";
import type { Libc } from "./libc.ts";

const FUNCTIONS: ForeignFunctions = {
  // The C library's, which sees to its own locks and to getrandom's memory; a bare
  // clone(2) does not.
  fork: { parameters: [], result: "i32" },
  getpid: { parameters: [], result: "i32" },
  _exit: { parameters: ["i32"], result: "i32" },
  signal: { parameters: ["i32", "u64"], result: "u64" },
};

const SIGCHLD = 17;
const SIG_DFL = 0n;
const SIG_IGN = 1n;

/** Forks this process. */
export class Forker {
  readonly #library: ForeignLibrary;
  readonly #memory: ForkMemory;
  readonly #descriptors: ForkDescriptors;

  /**
   * To be made when the event loop has nothing left to do.
   * @param parents a descriptor that no child gets
   */
  constructor(runtime: Runtime, libc: Libc, parents: number) {
    this.#library = runtime.openLibrary(FUNCTIONS);
    // Where it is ignored, which is inherited, the kernel keeps no child's end (waitpid(2)).
    const { signal } = this.#library.functions;
    const before = BigInt(signal(SIGCHLD, SIG_DFL));
    if (before !== SIG_IGN) signal(SIGCHLD, before);
    this.#memory = new ForkMemory(runtime, libc);
    this.#descriptors = new ForkDescriptors(runtime, libc, parents);
  }

  /**
   * The child's PID; 0 in the child, which must call {@linkcode renew} before anything else.
   * @throws {SystemError} with EAGAIN if there is no room for another process
   */
  fork(): number {
    this.#memory.include();
    const pid: number = this.#library.functions.fork();
    if (pid < 0) throw new SystemError("EAGAIN", "There is no room for another process");
    return pid;
  }

  /**
   * Gives this process an event loop of its own, which watches nothing but what wakes it, and
   * closes the descriptors that were its parent's own.
   * @param rehearses whether it only goes through that, and its loop stays as it is
   */
  renew(rehearses: boolean): void {
    this.#descriptors.renew(rehearses);
  }

  /** This process's id, as the kernel knows it. */
  get pid(): number {
    return this.#library.functions.getpid();
  }

  /**
   * Ends a child, and waits for none of the threads that it does not have.
   * @param rehearses whether it does not, after all
   */
  exit(code: number, rehearses = false): never {
    if (rehearses) return undefined as never;
    this.#library.functions._exit(code);
    throw new Error("_exit returned");
  }
}
