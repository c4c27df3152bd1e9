/**
 * Trivet's command line: `serve`, `inetd`, `connect`, `status` and `bench`.
 * @module
 */
import { resetSignals } from "./src/cli/inherited_signals.ts";
import { UsageError } from "./src/cli/usage_error.ts";
import { errorCode, errorMessage } from "./src/connection/errors.ts";
import { nearest } from "./src/nearest.ts";
import type { Runtime } from "./src/runtime.ts";
import { detectOrExit } from "./src/runtimes/detect.ts";
import { VERSION } from "./src/version.ts";

/**
 * What each does, its options, and what runs it; loaded only where it is asked for,
 * and not before the runtime is known to be new enough for it.
 */
const COMMANDS = {
  serve: {
    usage: "serve [OPTIONS]",
    options: async () => (await import("./src/cli/serve_options.ts")).SERVE_OPTIONS,
    run: async () => (await import("./src/cli/serve_command.ts")).serveCommand,
  },
  inetd: {
    usage: "inetd [OPTIONS]",
    options: async () => (await import("./src/cli/inetd_options.ts")).INETD_OPTIONS,
    run: async () => (await import("./src/cli/inetd_command.ts")).inetdCommand,
  },
  connect: {
    usage: "connect [HOST] [PORT]",
    options: async () => (await import("./src/cli/connect_options.ts")).CONNECT_OPTIONS,
    run: async () => (await import("./src/cli/connect_command.ts")).connectCommand,
  },
  status: {
    usage: "status ADDR",
    options: async () => (await import("./src/cli/status_options.ts")).STATUS_OPTIONS,
    run: async () => (await import("./src/cli/status_command.ts")).statusCommand,
  },
  bench: {
    usage: "bench [OPTIONS]",
    options: async () => (await import("./src/bench/bench_options.ts")).BENCH_OPTIONS,
    run: async () => (await import("./src/bench/bench_command.ts")).benchCommand,
  },
};

/** The help text: each command with the options that are used most. */
async function help(): Promise<string> {
  const { describeOptions } = await import("./src/cli/describe_options.ts");
  const commands = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { usage, options }]) => {
      const often = (await options()).filter((option) => option.often);
      return `trivet ${usage.padEnd(27)}all options: trivet ${name} --help\n${
        describeOptions(often)
      }\n`;
    }),
  );
  return `Trivet serves TCP connections: processes, threads or one event loop, with one handler.

${commands.join("\n")}
trivet --version

In a checkout "trivet" is: deno run -A cli.ts, bun cli.ts or node cli.ts
`;
}

/** Whoever reads what is printed is gone: what a shell tells of a program that SIGPIPE has ended. */
const NOBODY_READS = 128 + 13;

/** Runs the command; returns the exit code. */
async function main(runtime: Runtime): Promise<number> {
  const [command, ...args] = runtime.args;
  if (command === undefined) {
    throw new UsageError("say what to do: serve, inetd, connect, status or bench; see --help");
  }
  if (["--version", "--help", "-h"].includes(command)) {
    if (args.length > 0) throw new UsageError(`unexpected "${args[0]}" after ${command}`);
    const version = `trivet ${VERSION} (${runtime.name} ${runtime.version})\n`;
    await runtime.writeOut("stdout", command === "--version" ? version : await help());
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, command)) {
    const meant = nearest(command, [...Object.keys(COMMANDS), "--help", "--version"]);
    const hint = meant === undefined
      ? ": it is serve, inetd, connect, status or bench; see"
      : `; did you mean ${meant}? See`;
    throw new UsageError(`unknown command "${command}"${hint} --help`);
  }
  resetSignals(runtime);
  const run = await COMMANDS[command as keyof typeof COMMANDS].run();
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
