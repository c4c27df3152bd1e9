/**
 * How many descriptors there are, and when few are left.
 * @module
 */
import { builtin } from "./builtin.ts";

/** How many descriptors this process may have, see proc_pid_limits(5). */
export function descriptorLimit(): number | null {
  try {
    const limits = builtin.fs.readFileSync("/proc/self/limits", "latin1");
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1]) || null;
  } catch {
    return null; // it is no Linux, or may not be read
  }
}

/** Descriptors that a loop which accepts on its own leaves. */
const LAST_DESCRIPTORS = 16;

/**
 * The first descriptor of those that are left: the kernel gives the lowest that
 * is free, so who gets this one or a later one has used up all others. A loop
 * that cannot be told to stop accepting must not meet EMFILE: Bun's then spins
 * (1.4), Node's closes clients and does not tell (26).
 */
export function firstOfLast(limit: number | null): number {
  return (limit ?? Infinity) - LAST_DESCRIPTORS;
}
