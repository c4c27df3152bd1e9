// Makes "@std/assert" what deno.json's import map says, on Bun and Node, which
// do not read it: package.json names this folder as @std/assert, @std/cli and @std/net.
export * from "deno-std/assert/mod.js";
