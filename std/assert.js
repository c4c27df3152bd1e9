// Makes "@std/assert" what deno.json's import map says, on Bun and Node, which
// do not read it: package.json names this folder as @std/assert and @std/cli.
export * from "deno-std/assert/mod.js";
