/**
 * SIGUSR1 and SIGUSR2: by default they end a process, and a server means nothing by
 * them. logrotate and other tools send them by habit.
 * @module
 */
import type { Runtime } from "../runtime.ts";

/** On Linux. */
const SIGUSR1 = 10;

/** Takes no notice of them from now on. */
export function ignoreUserSignals(runtime: Runtime): void {
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) runtime.onSignal(signal, () => {});
  if (runtime.opensDebugger && runtime.os === "linux" && runtime.libraryRefusal() === null) {
    deafen(runtime);
  }
}

/**
 * Lets a C function that does nothing be the handler of SIGUSR1, instead of the
 * runtime's, which stays there once somebody has listened. What this process starts
 * does not inherit it, as it would inherit SIG_IGN (signal(7)).
 */
function deafen(runtime: Runtime): void {
  const library = runtime.openLibrary({
    dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
    signal: { parameters: ["i32", "pointer"], result: "pointer" },
  });
  const nothing = library.functions.dlsym(null, new TextEncoder().encode("abs\0"));
  if (nothing !== null) library.functions.signal(SIGUSR1, nothing);
  library.close();
}
