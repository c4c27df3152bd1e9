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
import { errorReport } from "../connection/error_report.ts";
import { handlerUrl } from "../handler/load_handler.ts";
import { ignoreUserSignals } from "../posix/user_signals.ts";
import type { Runtime } from "../runtime.ts";
import { inheritance } from "../server/inherited_sockets.ts";
import { standard } from "../server/settings.ts";
import { describeOptions } from "./describe_options.ts";
import { eventLog } from "./event_log.ts";
import { parseOptions } from "./options.ts";
import { SERVE_OPTIONS } from "./serve_options.ts";
import { serveSettings } from "./serve_settings.ts";
import { serviceManager } from "./service_manager.ts";
import { takeSignals } from "./stop_signals.ts";
import { UsageError } from "./usage_error.ts";

/** The help text. */
const SERVE_HELP = `Serve clients: one handler, under the model that you pick.

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

  const passedOn = inheritance(runtime);
  const settings = serveSettings(given, passedOn.names.length);
  if (given.has("print-systemd")) {
    const { systemdUnits } = await import("./systemd_units.ts");
    await runtime.writeOut("stdout", await systemdUnits(runtime, given, settings));
    return 0;
  }
  const log = eventLog(runtime, given);
  let ready = false;
  const warnings: string[] = []; // of a module that does not load `serve` itself says more
  const warn = (message: string) => {
    if (ready) onEvent({ time: Date.now(), type: "warning", message });
    else warnings.push(message);
  };
  const manager = serviceManager(
    runtime,
    (settings.drainDelay ?? 0) + (settings.shutdownTimeout ?? standard("shutdownTimeout")),
    warn,
  );
  const onEvent = (event: ServerEvent) => {
    log.event(event);
    manager.event(event);
  };
  const options: ServeOptions = {
    ...settings,
    messages: given.has("verbose"),
    onEvent,
  };

  // The first signal shuts down; before the server is ready it ends the command
  // like any other, as soon as what was begun is taken back.
  const stopping = new AbortController();
  const stopped = Promise.withResolvers<number>();
  let early: number | null = null;
  // Where there are no workers, a handler's module may end this process.
  const handler = given.text("handler");
  const stopWatching = handler === undefined ? () => {} : runtime.onExit(() => {
    const url = handlerUrl(runtime, handler);
    runtime.complain(`trivet: Cannot load the handler ${url}: it ends the process while it loads`);
    return 1;
  });
  const stop = (code: number) => {
    stopWatching();
    manager.stopping();
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
    reload() {
      if (server) manager.reloading(server.reload()); // an event tells too
    },
  });

  runtime.onWarning(warn);
  try {
    server = await serve({ ...options, signal: stopping.signal }, handler);
  } catch (error) {
    if (early !== null) return early;
    const message = errorMessage(error);
    if (given.texts("worker-args").length > 0 && message.startsWith("A worker ended before")) {
      throw new Error(`${message}; its runtime may not take what it got by --worker-args`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    stopWatching();
  }
  ready = true;
  if (passedOn.warning !== null) warn(passedOn.warning);
  warnings.forEach(warn);
  manager.ready();
  runtime.onUnhandled((error) => {
    const worker = { kind: "main", id: 0 } as const;
    onEvent({ time: Date.now(), type: "unhandled", worker, ...errorReport(error) });
  });
  const line = server.addrs.map((addr) => `listening on ${formatAddress(addr)}`).join("\n");
  // Not awaited here: a pipe may be full, or a terminal stopped, for as long as it likes.
  const told = runtime.writeOut("stdout", `${line}\n`).catch((error) => {
    const why = errorMessage(error);
    warn(`standard output cannot be written (${why}), the server goes on: ${line}`);
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
    manager.close();
    await Promise.race([told, patiently(LAST_WAIT)]);
    await log.flush(LAST_WAIT);
  }
}

/** Milliseconds at the end: for workers after a second signal, and for what is still written. */
const LAST_WAIT = 700;
