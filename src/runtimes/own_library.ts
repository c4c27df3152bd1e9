/**
 * The C library beside an event loop of the runtime's own, for what that cannot do; opened
 * when it is first needed.
 * @module
 */
import { Libc } from "../posix/libc.ts";
import type { Runtime } from "../runtime.ts";

let allowed: Runtime | null = null;
let libc: Libc | null | undefined;

/** Lets this thread open the C library of the runtime when it is needed. */
export function allowLibrary(runtime: Runtime): void {
  allowed = runtime;
}

/** The C library; null where it cannot be had, or was not allowed. */
export function library(): Libc | null {
  if (libc === undefined) {
    libc = allowed?.libraryRefusal() === null ? new Libc(allowed) : null;
  }
  return libc;
}
