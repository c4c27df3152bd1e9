/**
 * The system's monotonic clock: for whoever looks at it for each message, the fastest
 * way of the runtime, and for whoever compares it with another process's.
 * @module
 */
import type { ForeignFunctions, Runtime } from "../runtime.ts";

const FUNCTIONS: ForeignFunctions = {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
};

function monotonic(runtime: Runtime): number {
  return runtime.os === "linux" ? 1 : 6;
}

/**
 * A function that tells milliseconds since some moment, by clock_gettime(2) where
 * `performance.now()` is slow. What it opens of the C library stays open.
 * @throws {SystemError} if the C library is needed and cannot be opened
 */
export function openClock(runtime: Runtime): () => number {
  if (!runtime.clockIsSlow) return () => performance.now();
  const { clock_gettime } = runtime.openLibrary(FUNCTIONS).functions;
  const CLOCK_MONOTONIC = monotonic(runtime);
  const words = new Int32Array(4); // seconds and nanoseconds, 64 bits each
  const bytes = new Uint8Array(words.buffer);
  return () => {
    clock_gettime(CLOCK_MONOTONIC, bytes);
    return words[0] * 1000 + words[2] / 1e6;
  };
}

/**
 * Microseconds of CLOCK_MONOTONIC, the same for all processes of the machine.
 * @throws {SystemError} if the C library cannot be opened
 */
export function monotonicMicroseconds(runtime: Runtime): bigint {
  const library = runtime.openLibrary(FUNCTIONS);
  const words = new BigInt64Array(2);
  library.functions.clock_gettime(monotonic(runtime), new Uint8Array(words.buffer));
  library.close();
  return words[0] * 1_000_000n + words[1] / 1000n;
}
