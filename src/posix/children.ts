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

/** Ends a process at once. */
export function killAtOnce(libc: Libc, pid: number): void {
  libc.functions.kill(pid, SIGKILL);
}

/** Waits for a child that has ended. Linux only. */
export function reap(libc: Libc, pid: number): void {
  libc.functions.waitpid(pid, new Uint8Array(4), WNOHANG);
}

/** The signals that end processes without being asked to. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
};

/**
 * Waits until a child of this process has ended; how it ended, in the words of
 * `StartedWorker.onExit`. Linux only.
 */
export function waitFor(libc: Libc, pid: number): string {
  const words = new Int32Array(1);
  const bytes = new Uint8Array(words.buffer);
  const { waitpid } = libc.functions;
  let found: number;
  do found = waitpid(pid, bytes, 0); while (found < 0 && libc.wasInterrupted());
  if (found < 0) return "exit"; // somebody else has waited for it
  const signal = words[0] & 0x7f;
  if (signal !== 0) return SIGNALS[signal] ?? `signal ${signal}`;
  const code = words[0] >> 8 & 0xff;
  return code === 0 ? "exit" : `exit code ${code}`;
}
