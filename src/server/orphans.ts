/**
 * As PID 1, which a container's first process is: whoever loses its parent
 * becomes its child, and no runtime reaps children that it did not start.
 * @module
 */
import { endedChild, reap } from "../posix/children.ts";
import { Libc } from "../posix/libc.ts";
import type { Runtime } from "../runtime.ts";

/** Milliseconds between two looks when no child has ended. */
const INTERVAL = 1000;
/** Milliseconds that a runtime has to reap a child of its own. */
const PATIENCE = 100;

/** What can be done about children that have ended. */
export interface Children {
  /** One that has ended and is not reaped; null if there is none. */
  ended(): number | null;
  /** Reaps it. */
  reap(pid: number): void;
}

/** Reaps orphans while this is PID 1 and a C library can be opened; returns what stops it. */
export function reapOrphans(runtime: Runtime): () => void {
  if (runtime.pid !== 1 || runtime.os !== "linux" || runtime.libraryRefusal() !== null) {
    return () => {};
  }
  const libc = new Libc(runtime);
  const stop = reapForeign({
    ended: () => endedChild(libc),
    reap: (pid) => reap(libc, pid),
  });
  return () => {
    stop();
    libc.unload();
  };
}

/**
 * Reaps children that the runtime leaves: one that it started itself, which is
 * for it to reap, is gone at the second look. Returns what stops it.
 */
export function reapForeign(
  children: Children,
  interval = INTERVAL,
  patience = PATIENCE,
): () => void {
  let seen: number | null = null;
  let timer: ReturnType<typeof setTimeout>;
  const look = () => {
    let pid = children.ended();
    if (pid !== null && pid === seen) {
      children.reap(pid);
      pid = children.ended();
    }
    seen = pid;
    timer = setTimeout(look, pid === null ? interval : patience);
  };
  timer = setTimeout(look, interval);
  return () => clearTimeout(timer);
}
