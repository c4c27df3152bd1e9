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

/** The C library; null where it cannot be opened, or was not allowed. */
export function library(): Libc | null {
  return libc === undefined ? libc = open() : libc;
}

function open(): Libc | null {
  if (allowed?.libraryRefusal() !== null) return null;
  try {
    return new Libc(allowed);
  } catch {
    return null; // whoever asks can do without
  }
}
