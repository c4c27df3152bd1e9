/**
 * What signals do to a server on the command line.
 * @module
 */
import { patience } from "../connection/delay.ts";
import type { Process, StopSignal, Terminal } from "../runtime.ts";

/**
 * Milliseconds in which the same signal again is the same one: `deno task` and `bunx`
 * forward what the whole process group has got already, and a shell does at its end.
 */
const SAME = 200;
const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** What a signal asks for. */
export interface Orders {
  /** To end, with this exit code if it is the second time. */
  stop(code: number): void;
  /** To take the handler as it is now. */
  reload(): void;
}

/**
 * Takes the signals: SIGINT and SIGTERM stop, SIGHUP reloads or, with the terminal's
 * end, stops.
 * @param later calls what it is given when the same signal again is another one
 */
export function takeSignals(
  runtime: Pick<Process, "onSignal"> & Pick<Terminal, "isTerminal">,
  orders: Orders,
  later: (call: () => void) => void = (call) => void patience(SAME, call),
): void {
  const recent = new Set<StopSignal>();
  const stop = (signal: StopSignal, code: number) => {
    if (recent.has(signal)) return;
    recent.add(signal);
    later(() => recent.delete(signal));
    orders.stop(code);
  };
  runtime.onSignal("SIGINT", () => stop("SIGINT", 130));
  runtime.onSignal("SIGTERM", () => stop("SIGTERM", 143));
  // The terminal's end is a SIGHUP too, and then no stream is a terminal any more.
  const atTerminal = () => STREAMS.some((stream) => runtime.isTerminal(stream));
  const hadTerminal = atTerminal();
  runtime.onSignal("SIGHUP", () => {
    if (hadTerminal && !atTerminal()) stop("SIGHUP", 129);
    else orders.reload();
  });
}
