/**
 * The C library, opened once for all of a thread, and what its errno says.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import { type Constants, DARWIN, LINUX } from "./constants.ts";

// Descriptors and lengths as 32-bit integers: a 64-bit one becomes a BigInt.
const FUNCTIONS: ForeignFunctions = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
};

const LINUX_FUNCTIONS: ForeignFunctions = {
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  prctl: { parameters: ["i32", "u64"], result: "i32" },
  getrandom: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  waitid: { parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  memmove: { parameters: ["buffer", "u64", "u64"], result: "u64" },
  sendmsg: { parameters: ["i32", "u64", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "u64", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
};

const DARWIN_FUNCTIONS: ForeignFunctions = {
  accept: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  __error: { parameters: [], result: "pointer" },
};

/** An open library, and how many share it. */
interface Shared {
  readonly library: ForeignLibrary;
  users: number;
}

/**
 * One for all of a thread at a time: where a call's function differs from one time to
 * the next it is not compiled (Deno 2.9; docs/measurements.md, "Where the time goes").
 */
const open = new WeakMap<Runtime, Shared>();

function share(runtime: Runtime): Shared {
  let shared = open.get(runtime);
  if (shared === undefined) {
    const own = runtime.os === "linux" ? LINUX_FUNCTIONS : DARWIN_FUNCTIONS;
    shared = { library: runtime.openLibrary({ ...FUNCTIONS, ...own }), users: 0 };
    open.set(runtime, shared);
  }
  shared.users++;
  return shared;
}

/** A user of this thread's C library. */
export class LibcBase {
  /** This system's numbers. */
  readonly constants: Constants;
  /** The C functions, by name. Only this room calls them. */
  readonly functions: ForeignLibrary["functions"];
  readonly #runtime: Runtime;
  readonly #shared: Shared;
  readonly #errno: () => number;

  /** @throws what the runtime throws if it may not open the library */
  constructor(runtime: Runtime) {
    this.constants = runtime.os === "linux" ? LINUX : DARWIN;
    this.#runtime = runtime;
    const { library } = this.#shared = share(runtime);
    this.functions = library.functions;
    const location = this.functions[this.constants.ERRNO]();
    this.#errno = () => library.readInt32(location);
  }

  /** Closes the library, unless somebody else uses it; this object may not be used any more. */
  unload(): void {
    if (--this.#shared.users > 0) return;
    open.delete(this.#runtime);
    this.#shared.library.close();
  }

  /**
   * The result of a call that has just returned.
   * @throws {SystemError} if it says that the call failed
   */
  check(call: string, result: number): number {
    if (result < 0) {
      const code = this.errorName();
      throw new SystemError(code, `${call} failed: ${code}`);
    }
    return result;
  }

  /** After a call that failed: whether a signal interrupted it, so that it is made again. */
  wasInterrupted(): boolean {
    return this.errorName() === "EINTR";
  }

  /**
   * After a call that failed: whether it would block; false after EINTR, to make it again.
   * @throws {SystemError} if it failed for another reason
   */
  protected wouldBlock(call: string): boolean {
    const code = this.errorName();
    if (code === "EAGAIN") return true;
    if (code !== "EINTR") throw new SystemError(code, `${call} failed: ${code}`);
    return false;
  }

  /** Where an array is that does not move: one of more than 64 bytes, or whose buffer was made for it. */
  addressOf(bytes: Uint8Array): bigint {
    // A call that moves nothing returns where it would have moved it to, on every runtime.
    return BigInt(this.functions.memmove(bytes, 0n, 0n));
  }

  /** The POSIX name of an error; without a number, of the call that has just failed. */
  protected errorName(number = this.#errno()): string {
    return this.constants.CODES[number] ?? `E${number}`;
  }
}
