/**
 * What Linux tells of processes in proc(5).
 * @module
 */
import { builtin } from "./builtin.ts";

/** How many descriptors this process may have, see proc_pid_limits(5); null if that is not told. */
export function descriptorLimit(): number | null {
  try {
    const limits = builtin.fs.readFileSync("/proc/self/limits", "latin1");
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1]) || null;
  } catch {
    return null; // it is no Linux, or may not be read
  }
}

/**
 * Bytes of a process's memory that are no file's, see proc_pid_status(5); null if
 * that is not told. Deno 2.9 lets only -A read it.
 */
export function memoryOf(pid: number): number | null {
  try {
    const status = builtin.fs.readFileSync(`/proc/${pid}/status`, "latin1");
    const kibibytes = /^RssAnon:\s+(\d+)/m.exec(status)?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null; // it has ended, or may not be looked at
  }
}
