/** The runtimes that the command and the API are tested on. */
import { checkoutPackages } from "../../scripts/tools/npm.ts";
import { runtimes } from "../../scripts/tools/runtimes.ts";

// Node would strip the types of each file and compile it anew at each start, which
// is two thirds of the start's time (26.10).
const CACHE = new URL("../../build/node-compile-cache", import.meta.url).pathname;
Deno.env.set("NODE_COMPILE_CACHE", CACHE);

/** A runtime, and how it runs a module. */
export interface Target {
  readonly name: "deno" | "bun" | "node" | "node24";
  /** The program and its arguments before the module's path. */
  readonly run: readonly [string, ...string[]];
}

const DENO: Target = { name: "deno", run: [Deno.execPath(), "run", "-A"] };

/** The runtime of this name; npm brings it if it is not there. */
export async function target(name: Target["name"]): Promise<Target> {
  if (name === "deno") return DENO;
  await checkoutPackages();
  return { name, run: [(await runtimes())[name]] };
}
