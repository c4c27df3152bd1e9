/** Conformance on Deno, with the C library and without. */
import { type Target, target } from "../tools/targets.ts";
import { builtIn, define, defineAll, defineTable, defineTls } from "./conformance.ts";

const deno = await target("deno");
defineAll(deno);

// Without --allow-ffi the runtime's own loop serves.
const granted = ["net", "env", "read", "write", "sys"].map((name) => `--allow-${name}`);
const denoLoop: Target = { name: "deno", run: [deno.run[0], "run", "--no-prompt", ...granted] };
for (const model of ["multiplex", "iterative"] as const) {
  define(denoLoop, model, builtIn, "shared", "deno, own loop");
}

defineTls(deno);
defineTable();
