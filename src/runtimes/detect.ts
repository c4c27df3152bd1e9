/**
 * Which runtime this is.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";

/** The oldest versions that Trivet runs on. */
const OLDEST = { Deno: [2, 9], Bun: [1, 4], Node: [24, 0] } as const;

interface Globals {
  readonly Deno?: { readonly version: { readonly deno: string }; exit(code: number): never };
  readonly Bun?: { readonly version: string };
  readonly process?: { readonly versions: { readonly node?: string }; exit(code: number): never };
}

/**
 * The adapter of the runtime that runs this; no other's file is loaded.
 * @param onNode called on Node, before its adapter is loaded
 * @throws {Error} with one line if the runtime is too old, or none that Trivet knows
 */
export async function detect(onNode = async () => {}): Promise<Runtime> {
  // Bun has a `process.versions.node` too, and Deno a `process`.
  const { Deno, Bun, process } = globalThis as unknown as Globals;
  if (Deno) {
    demand("Deno", Deno.version.deno);
    return (await import("./deno.ts")).runtime;
  }
  if (Bun) {
    demand("Bun", Bun.version);
    return (await import("./bun.ts")).runtime;
  }
  if (process?.versions?.node) {
    demand("Node", process.versions.node);
    await onNode();
    return (await import("./node.ts")).runtime;
  }
  throw new Error("Trivet runs on Deno, Bun and Node, and this is none of them");
}

/**
 * The same for a command: without a runtime that will do it ends, with one line; and Node keeps
 * what it compiles of its modules for the next one.
 */
export async function detectOrExit(): Promise<Runtime> {
  try {
    return await detect(async () => (await import("./node_compile_cache.ts")).keepCompiled());
  } catch (error) {
    console.error(`trivet: ${errorMessage(error)}`);
    const { Deno, process } = globalThis as unknown as Globals;
    return (Deno ?? process!).exit(1);
  }
}

/** @throws {Error} if the version is older than Trivet needs */
export function demand(name: keyof typeof OLDEST, version: string): void {
  const [major, minor] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[name];
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new Error(
      `Trivet needs ${name} ${oldestMajor}.${oldestMinor} or newer: this is ${version}`,
    );
  }
}
