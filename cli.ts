/**
 * Trivet's command line: `serve`, `connect` and `bench`.
 * @module
 */
import { UsageError } from "./src/cli/usage_error.ts";
import { errorCode, errorMessage } from "./src/connection/errors.ts";
import type { Runtime } from "./src/runtime.ts";
import { detectOrExit } from "./src/runtimes/detect.ts";
import { VERSION } from "./src/version.ts";

/**
 * What runs each; loaded only where it is asked for, and not before the runtime is
 * known to be new enough for it.
 */
const COMMANDS = {
  serve: async () => (await import("./src/cli/serve_command.ts")).serveCommand,
  connect: async () => (await import("./src/cli/connect_command.ts")).connectCommand,
  bench: async () => (await import("./src/bench/bench_command.ts")).benchCommand,
};

const HELP = `Trivet serves TCP connections: processes, threads or one event loop, with one handler.

usage: trivet serve [OPTIONS]          see trivet serve --help
       trivet connect [HOST] [PORT]    see trivet connect --help
       trivet bench [OPTIONS]          see trivet bench --help
       trivet --version

In a checkout "trivet" is: deno run -A cli.ts, bun cli.ts or node cli.ts
`;

/** Whoever reads what is printed is gone: what a shell tells of a program that SIGPIPE has ended. */
const NOBODY_READS = 128 + 13;

/** Runs the command; returns the exit code. */
async function main(runtime: Runtime): Promise<number> {
  const [command, ...args] = runtime.args;
  if (command === "--version") {
    await runtime.writeOut("stdout", `trivet ${VERSION} (${runtime.name} ${runtime.version})\n`);
    return 0;
  }
  if (command === "--help" || command === "-h") {
    await runtime.writeOut("stdout", HELP);
    return 0;
  }
  if (command === undefined) {
    throw new UsageError("say what to do: serve, connect or bench; see --help");
  }
  if (!Object.hasOwn(COMMANDS, command)) {
    throw new UsageError(`unknown command "${command}": it is serve, connect or bench; see --help`);
  }
  const run = await COMMANDS[command as keyof typeof COMMANDS]();
  return await run(runtime, args);
}

const runtime = await detectOrExit();
let code;
try {
  code = await main(runtime);
} catch (error) {
  if (errorCode(error) === "EPIPE") code = NOBODY_READS;
  else {
    // A checkout on Node, before `npm install`.
    const hint = errorCode(error) === "ERR_MODULE_NOT_FOUND" ? ": run npm install first" : "";
    await runtime.writeOut("stderr", `trivet: ${errorMessage(error)}${hint}\n`).catch(() => {});
    code = error instanceof UsageError ? 2 : 1;
  }
}
runtime.exit(code);
