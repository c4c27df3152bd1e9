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
import { ignoreUserSignals } from "../posix/user_signals.ts";
import type { Runtime } from "../runtime.ts";
import { describeOptions } from "./describe_options.ts";
import { jsonLine, LineWriter, prettyLine } from "./log.ts";
import { parseOptions } from "./options.ts";
import { SERVE_OPTIONS } from "./serve_options.ts";
import { serveSettings } from "./serve_settings.ts";
import { takeSignals } from "./stop_signals.ts";
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
  const options: ServeOptions = {
    ...serveSettings(given),
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
  let server: Server | undefined;
  ignoreUserSignals(runtime);
  takeSignals(runtime, {
    stop,
    reload: () => void server?.reload().catch(() => {}), // an event tells
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
  const line = `listening on ${formatAddress(server.addr)}`;
  await runtime.writeOut("stdout", `${line}\n`).catch((error) => {
    if (format === "none") return;
    const message = `standard output cannot be written (${errorMessage(error)}), ` +
      `the server goes on: ${line}`;
    onEvent({ type: "warning", time: Date.now(), message });
  });

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

/** How long a second signal waits for workers to end. */
const LAST_WAIT = 700;
