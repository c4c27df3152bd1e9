/**
 * Which runtime this is.
 * @module
 */
import type { Runtime } from "../runtime.ts";

/** The adapter of the runtime that runs this; no other's file is loaded. */
export async function detect(): Promise<Runtime> {
  if ("Deno" in globalThis) return (await import("./deno.ts")).runtime;
  throw new Error(
    "Trivet runs on Deno so far: see the README for how to get it",
  );
}
