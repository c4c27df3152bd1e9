/**
 * The mask of signals, which a process inherits from whoever started it.
 * @module
 */
import type { Runtime } from "../runtime.ts";

const SIG_SETMASK = { linux: 2, darwin: 3 } as const;
/** Room for a `sigset_t` of any system. */
const SIGNAL_SET_SIZE = 128;

/**
 * Lets every signal through to this thread, and so to this process: one that is
 * blocked is never delivered, whoever listens to it. Nothing happens where no C
 * library can be opened.
 */
export function unblockSignals(runtime: Runtime): void {
  const how = SIG_SETMASK[runtime.os as keyof typeof SIG_SETMASK];
  if (how === undefined || runtime.libraryRefusal() !== null) return;
  const library = runtime.openLibrary({
    sigprocmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  });
  library.functions.sigprocmask(
    how,
    new Uint8Array(SIGNAL_SET_SIZE),
    new Uint8Array(SIGNAL_SET_SIZE),
  );
  library.close();
}
