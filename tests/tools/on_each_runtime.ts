/**
 * The same tests of the command on Deno, Bun and Node. `deno test --parallel`
 * runs files beside each other and a file's tests in turn, so a file has one idea
 * on all three runtimes, and none takes so long that the others wait for it.
 */
import { CLI, Command, type CommandOptions } from "./command.ts";
import { type Target, target } from "./targets.ts";

/** What the tests on one runtime need of it. */
export interface OnRuntime {
  readonly on: Target;
  /** Defines a test, with the runtime before its name. */
  test(name: string, fn: () => void | Promise<void>): void;
  /** Runs the command with these arguments. */
  run(args: string[], options?: CommandOptions): Command;
  /** Runs `serve` on a free port, with one spare and no end of its patience at a shutdown. */
  serve(...args: string[]): Command;
}

/** Calls `define` for each runtime. */
export async function onEachRuntime(define: (on: OnRuntime) => void): Promise<void> {
  // One spare: what is tested does not need more, and starts are what costs time.
  // What is open at a shutdown has longer than the machine pauses.
  const usual = ["--port", "0", "--spares", "1", "--shutdown-timeout", "600"];
  for (const name of ["deno", "bun", "node"] as const) {
    const on = await target(name);
    const run = (args: string[], options: CommandOptions = {}) =>
      new Command(args, { program: [...on.run, CLI], ...options });
    define({
      on,
      test: (name, fn) => Deno.test(`${on.name}: ${name}`, fn),
      run,
      serve: (...args) => run(["serve", ...usual, ...args]),
    });
  }
}
