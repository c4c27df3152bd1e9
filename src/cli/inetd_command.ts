/**
 * `inetd`: one connection, which somebody else has accepted.
 * @module
 */
import type { ServeOptions, ServerEvent, WorkerName } from "../../mod.ts";
import type { Address } from "../connection/connection.ts";
import { patience } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import { errorReport } from "../connection/error_report.ts";
import { SocketConnection } from "../connection/socket_connection.ts";
import type { UntimedEvent } from "../events.ts";
import { demandModel } from "../handler/handler_module.ts";
import { Lifecycle } from "../handler/lifecycle.ts";
import { ECHO, handlerUrl, loadHandler } from "../handler/load_handler.ts";
import { adopt } from "../posix/adopted_socket.ts";
import { EpollLoop } from "../posix/epoll_loop.ts";
import { type InheritedConnection, takeConnection } from "../posix/inherited_connection.ts";
import { Libc } from "../posix/libc.ts";
import { ignoreUserSignals } from "../posix/user_signals.ts";
import type { Runtime } from "../runtime.ts";
import { sameSocket } from "../runtimes/same_socket.ts";
import { readServing, tlsFor } from "../server/serving_files.ts";
import { settle } from "../server/settings.ts";
import { preludesFor } from "../serving/before_handler.ts";
import { Connections } from "../serving/connections.ts";
import { describeOptions } from "./describe_options.ts";
import { eventLog } from "./event_log.ts";
import { toldAddress } from "./inetd_addresses.ts";
import { INETD_OPTIONS } from "./inetd_options.ts";
import { type Given, parseOptions } from "./options.ts";
import { optionsGiven } from "./serve_settings.ts";
import { takeSignals } from "./stop_signals.ts";
import { serverTls } from "./tls_options.ts";
import { UsageError } from "./usage_error.ts";

/** The help text. */
const INETD_HELP = `Serve one connection, which is descriptor 0: for inetd, systemd's
Accept=yes, tcpserver, socat.

usage: trivet inetd [OPTIONS]

Options (the default is in brackets):
${describeOptions(INETD_OPTIONS)}

Try it:
  socat TCP-LISTEN:8888,reuseaddr,fork EXEC:"trivet inetd",nofork

Exit code: 0, 1 if the handler has failed, 2 for a mistake in the command line.
`;

/** Milliseconds at the end for what is still written. */
const LAST_WAIT = 700;

/** Serves it; returns the exit code. */
export async function inetdCommand(runtime: Runtime, args: string[]): Promise<number> {
  // First of all: what is written to standard error may go to the client until then.
  const same = sameSocket(0);
  const refusal = runtime.libraryRefusal();
  const libc = same.length > 0 && refusal === null ? new Libc(runtime) : null;
  const taken = libc && take(runtime, libc, same);

  const given = parseOptions(args, INETD_OPTIONS);
  if (given.has("help")) {
    await runtime.writeOut("stdout", INETD_HELP);
    return 0;
  }
  if (given.words.length > 0) {
    throw new UsageError(`unexpected "${given.words[0]}"; see --help`);
  }
  if (same.length === 0) {
    throw new UsageError("descriptor 0 is no connection: trivet inetd is for what accepts one");
  }
  if (libc === null || taken === null) {
    if (same.includes(2)) return 1; // the client is nobody to tell
    throw new Error(`Cannot serve descriptor 0: ${refusal}`);
  }
  return await serveOne(runtime, libc, taken, given);
}

/** @throws {UsageError} if descriptor 0 is another kind of socket */
function take(runtime: Runtime, libc: Libc, same: readonly number[]): InheritedConnection {
  try {
    return takeConnection(runtime, libc, same);
  } catch (error) {
    throw new UsageError(`descriptor 0 is no connection: ${errorMessage(error)}`);
  }
}

async function serveOne(
  runtime: Runtime,
  libc: Libc,
  taken: InheritedConnection,
  given: Given,
): Promise<number> {
  const log = eventLog(runtime, given);
  let code = 1;
  const onEvent = (event: UntimedEvent) => {
    if (event.type === "closed" && ["handler", "shutdown"].includes(event.reason)) code = 0;
    if (event.type === "refused") code = 0; // it is the client's mistake
    log.event({ time: Date.now(), ...event } as ServerEvent);
  };
  const { serving: options, shutdownTimeout } = settle(inetdSettings(given, onEvent));
  const serving = readServing(runtime, await tlsFor(runtime, options), options);
  const worker: WorkerName = { kind: "process", id: runtime.pid };
  ignoreUserSignals(runtime);

  const url = handlerUrl(runtime, given.text("handler") ?? ECHO);
  const parts = await loadHandler(runtime, url);
  demandModel(url, parts.models, serving.model, false);
  const lifecycle = new Lifecycle(url, parts, { model: serving.model, worker });
  await lifecycle.start();

  const makePreludes = await preludesFor(runtime, serving);
  const connections = new Connections({
    runtime,
    settings: serving,
    handler: parts.handler,
    worker,
    limit: 1,
    refusals: { admit: () => true, leave() {} },
    onEvent,
  }, makePreludes(serving));
  runtime.onUnhandled((error) => {
    if (connections.current) connections.current.end("error", error);
    else onEvent({ type: "unhandled", worker, ...errorReport(error) });
  });
  let stops = 0;
  const stop = (signal: number) => {
    connections.shutdown();
    if (++stops === 1) patience(shutdownTimeout, () => connections.end("shutdown"));
    else {
      connections.end("shutdown");
      code = signal;
    }
  };
  takeSignals(runtime, { stop, reload() {} });

  const waiting: SocketConnection[] = [connectionOf(runtime, libc, taken)];
  const source = { accept: () => Promise.resolve(waiting.pop() ?? null) };
  await connections.accept(source, runtime.pid);
  await connections.gone();
  const message = await lifecycle.stop(shutdownTimeout);
  if (message) onEvent({ type: "warning", message });
  await log.flush(LAST_WAIT);
  return code;
}

/** The options that were given, as `serve()` takes them: each client has its process. */
function inetdSettings(given: Given, onEvent: (event: ServerEvent) => void): ServeOptions {
  const options = optionsGiven(INETD_OPTIONS, given);
  const tls = serverTls(given);
  return { model: "process", ...options, tls, messages: given.has("verbose"), onEvent };
}

const NOWHERE: Address = { transport: "unix", path: "" };

/**
 * On an event loop, also for a handler that could block: so a signal is heard and the
 * log is written while it waits.
 */
function connectionOf(
  runtime: Runtime,
  libc: Libc,
  { descriptor, ...ends }: InheritedConnection,
): SocketConnection {
  const told = (end: "local" | "remote") => toldAddress(end, runtime.env);
  const isTcp = ends.localAddr.transport === "tcp";
  const localAddr = isTcp ? ends.localAddr : told("local") ?? ends.localAddr;
  const remoteAddr = (isTcp && ends.remoteAddr) || (told("remote") ?? ends.remoteAddr ?? NOWHERE);
  libc.setNonblocking(descriptor);
  const loop = EpollLoop.share(runtime);
  return new SocketConnection(adopt(runtime, libc, loop, descriptor, localAddr, remoteAddr));
}
