/**
 * At shutdown: who waits in the kernel's queue is let in, who comes later is not.
 * @module
 */
import { Libc } from "./libc.ts";
import type { Runtime } from "../runtime.ts";

/**
 * Nobody else comes to the queue of a TCP listener of the runtime's own, where
 * its descriptor is told and a C library can be opened: who tries is refused
 * when the listener is closed, and not reset.
 */
export function dropNewcomers(runtime: Runtime, descriptor: number | undefined): void {
  if (descriptor === undefined || runtime.libraryRefusal() !== null) return;
  const libc = new Libc(runtime);
  try {
    libc.dropNewcomers(descriptor);
  } finally {
    libc.unload();
  }
}
