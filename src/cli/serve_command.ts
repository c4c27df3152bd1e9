/**
 * `serve`: the server on the command line.
 * @module
 */
import {
  formatAddress,
  serve,
  type ServeOptions,
  type Server,
  type ServerEvent,
} from "../../mod.ts";
import { patiently } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import type { ModelName } from "../handler/handler.ts";
import type { Runtime } from "../runtime.ts";
import { jsonLine, LineWriter, prettyLine } from "./log.ts";
import { describeOptions, parseOptions, SERVE_OPTIONS } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The help text. */
export const SERVE_HELP = `Serve clients: one handler, under the model that you pick.

usage: trivet serve [OPTIONS]

Models:
  multiplex   one event loop for all clients
  iterative   one client after the other, to see why that is not enough
  thread      a worker thread for each client
  process     a process for each client

Options (the default is in brackets):
${describeOptions(SERVE_OPTIONS)}

Try it:
  trivet serve --model process
  printf 'hello\\nbye\\n' | trivet connect

Ctrl-C lets open connections finish; once more ends them.
`;

/** Runs until the server ends; returns the exit code. */
export async function serveCommand(
  runtime: Runtime,
  args: string[],
): Promise<number> {
  const given = parseOptions(args, SERVE_OPTIONS);
  if (given.has("help")) {
    await runtime.writeOut("stdout", SERVE_HELP);
    return 0;
  }
  if (given.words.length > 0) {
    throw new UsageError(`unexpected "${given.words[0]}"; see --help`);
  }
  if (given.text("unix") && (given.text("host") || given.text("port"))) {
    throw new UsageError("--unix goes without --host and --port");
  }
  const mode = given.text("unix-mode");
  if (mode !== undefined && !given.text("unix")) {
    throw new UsageError("--unix-mode goes with --unix PATH");
  }
  if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) {
    throw new UsageError(`--unix-mode is three octal digits, such as 0660: not "${mode}"`);
  }

  const format = given.text("log") ?? "pretty";
  const verbose = given.has("verbose");
  const color = runtime.isTerminal("stderr") && !runtime.env("NO_COLOR");
  const dropped = (count: number) => {
    const event: ServerEvent = { type: "dropped", count, time: Date.now() };
    return format === "json" ? jsonLine(event) : prettyLine(event, verbose, color)!;
  };
  const log = new LineWriter(
    (text) => runtime.writeOut("stderr", text),
    dropped,
  );
  const onEvent = (event: ServerEvent) => {
    const line = format === "json" ? jsonLine(event) : prettyLine(event, verbose, color);
    if (line !== null) log.line(line);
  };
  const milliseconds = (name: string) => {
    const seconds = given.number(name);
    return seconds === undefined ? {} : Math.round(seconds * 1000);
  };
  const numbers: Record<string, unknown> = {
    port: given.number("port"),
    unixMode: mode === undefined ? undefined : parseInt(mode, 8),
    maxConnections: given.number("max-connections"),
    maxConnectionsPerSource: given.number("max-connections-per-source"),
    maxConnectionsPerWorker: given.number("max-connections-per-worker"),
    workers: given.number("workers"),
    spares: given.number("spares"),
    maxWorkerMemory: given.number("max-worker-memory"),
    backlog: given.number("backlog"),
    idleTimeout: milliseconds("idle-timeout"),
    connectionTimeout: milliseconds("connection-timeout"),
    linger: milliseconds("linger"),
    shutdownTimeout: milliseconds("shutdown-timeout"),
  };
  const permissions = given.texts("worker-permissions");
  if (permissions.includes("none") && permissions.length > 1) {
    throw new UsageError("--worker-permissions none goes without other permissions");
  }
  const options: ServeOptions = {
    ...Object.fromEntries(
      Object.entries(numbers).filter(([, v]) => typeof v === "number"),
    ),
    model: given.text("model") as ModelName ?? "multiplex",
    hostname: given.text("host") ?? "127.0.0.1",
    overLimit: given.text("over-limit") as ServeOptions["overLimit"] ?? "wait",
    ...(given.text("unix") ? { path: given.text("unix") } : {}),
    handOver: given.has("hand-over"),
    workerArgs: given.texts("worker-args"),
    ...(permissions.length > 0
      ? { workerPermissions: permissions.filter((flag) => flag !== "none") }
      : {}),
    messages: verbose && format !== "none",
    ...(format === "none" ? {} : { onEvent }),
  };

  // The first signal shuts down; before the server is ready it ends the command
  // like any other, as soon as what was begun is taken back.
  const stopping = new AbortController();
  const stopped = Promise.withResolvers<number>();
  let early: number | null = null;
  let ready = false;
  const stop = (code: number) => {
    if (stopping.signal.aborted) {
      if (!ready) runtime.exit(code);
      stopped.resolve(code);
    }
    if (!ready) early ??= code;
    stopping.abort();
  };
  runtime.onSignal("SIGINT", () => stop(130));
  runtime.onSignal("SIGTERM", () => stop(143));
  // The terminal's end is a SIGHUP too, and then no stream is a terminal any more.
  const atTerminal = () => STREAMS.some((stream) => runtime.isTerminal(stream));
  const hadTerminal = atTerminal();
  let server: Server | undefined;
  runtime.onSignal("SIGHUP", () => {
    if (hadTerminal && !atTerminal()) stop(129);
    else server?.reload().catch(() => {}); // an event tells
  });

  const handler = given.text("handler");
  try {
    server = await serve({ ...options, signal: stopping.signal }, handler);
  } catch (error) {
    if (early !== null) return early;
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
  ready = true;
  runtime.onUnhandled((error) => {
    if (format === "none") return;
    const worker = { kind: "main", id: 0 } as const;
    onEvent({ type: "unhandled", time: Date.now(), worker, error: errorMessage(error) });
  });
  await runtime.writeOut(
    "stdout",
    `listening on ${formatAddress(server.addr)}\n`,
  );

  try {
    const code = await Promise.race([
      server.finished.then(() => early ?? 0),
      stopped.promise,
    ]);
    if (code !== 0) {
      await Promise.race([server.close(), patiently(LAST_WAIT)]).catch(() => {});
    }
    return code;
  } finally {
    await log.flush(LAST_WAIT);
  }
}

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** How long a second signal waits for workers to end. */
const LAST_WAIT = 700;
