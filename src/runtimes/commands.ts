/**
 * How a command line runs a file on each runtime.
 * @module
 */

/** The program, and its arguments before the file. */
export const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  deno: ["deno", "run", "--quiet", "-A"],
  bun: ["bun"],
  node: ["node"],
};
