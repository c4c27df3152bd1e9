/**
 * Signals as the command needs them, whatever whoever started it has made of them:
 * what a process ignores or blocks, what it starts ignores and blocks too (signal(7)).
 * @module
 */
import { unblockSignals } from "../posix/signals.ts";
import type { Runtime } from "../runtime.ts";

/**
 * Undoes what was inherited. All runtimes ignore SIGPIPE themselves, and a stop
 * signal that was ignored is not ignored any more once the command listens to it.
 */
export function resetSignals(runtime: Runtime): void {
  // Ignored, it would take the end of each child from whoever waits for it (waitpid(2)):
  // from a handler that starts processes in this one, and from `bench`.
  runtime.onSignal("SIGCHLD", () => {});
  unblockSignals(runtime); // Node does it by itself; Deno 2.9 and Bun 1.4 do not
}
