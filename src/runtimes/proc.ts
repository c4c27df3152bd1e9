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
 * Bytes of memory that are a process's own: no file's, and not shared with what forked it.
 * Null if that is not told: Deno 2.9 lets only -A read it.
 * @param enough up to so many bytes the shared ones may be counted too, which is quick to
 * tell (proc_pid_status(5)); to leave them out takes a walk through its memory
 * (proc_pid_smaps(5))
 */
export function memoryOf(pid: number, enough: number): number | null {
  try {
    const all = read(pid, "status", /^RssAnon:\s+(\d+)/m);
    if (all === null || all <= enough) return all;
    try {
      return read(pid, "smaps_rollup", /^Private_Dirty:\s+(\d+)/m) ?? all;
    } catch {
      return all; // before Linux 4.14, or it may not be read
    }
  } catch {
    return null; // it has ended, or may not be looked at
  }
}

function read(pid: number, file: string, kibibytes: RegExp): number | null {
  const found = kibibytes.exec(builtin.fs.readFileSync(`/proc/${pid}/${file}`, "latin1"))?.[1];
  return found === undefined ? null : Number(found) * 1024;
}
