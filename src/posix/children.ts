/**
 * Child processes: the death of their parent, and their own.
 * @module
 */
import type { Libc } from "./libc.ts";

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
const SIGINFO_SIZE = 128;
const SIGINFO_PID = 16;

/** Asks the kernel to end this process when the thread that started it ends. */
export function dieWithParent(libc: Libc): void {
  libc.functions.prctl?.(PR_SET_PDEATHSIG, BigInt(SIGKILL));
}

/**
 * The PID of a child that has ended and that nobody has waited for, or null; it
 * stays so. Linux only.
 */
export function endedChild(libc: Libc): number | null {
  const info = new Uint8Array(SIGINFO_SIZE);
  const { waitid } = libc.functions;
  if (waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) < 0) return null; // ECHILD
  return new DataView(info.buffer).getInt32(SIGINFO_PID, true) || null;
}

/** Waits for a child that has ended. Linux only. */
export function reap(libc: Libc, pid: number): void {
  libc.functions.waitpid(pid, new Uint8Array(4), WNOHANG);
}
