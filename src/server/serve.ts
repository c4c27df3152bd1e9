/**
 * serve(): from options and a handler to a running server.
 * @module
 */
import type { Address, TcpAddress, UnixAddress } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { EventSink, ServerEvent, UntimedEvent } from "../events.ts";
import type { Handler } from "../handler/handler.ts";
import { demandModel, type HandlerParts } from "../handler/handler_module.ts";
import { Lifecycle } from "../handler/lifecycle.ts";
import { usersPlace } from "../handler/load_error.ts";
import { ECHO, type HandlerModule, handlerUrl, loadHandler } from "../handler/load_handler.ts";
import { troubleTeller } from "../log/tell_trouble.ts";
import type { ServeOptions, ServeTcpOptions, ServeUnixOptions } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { detect } from "../runtimes/detect.ts";
import { EventThrottle } from "../serving/event_throttle.ts";
import { StatusKeeper } from "../status/keeper.ts";
import { isLocal } from "../status/place.ts";
import type { About } from "../status/view.ts";
import { ownSettings } from "../workers/worker_settings.ts";
import type { BaseServer, Server } from "./base_server.ts";
import type { ListenAt } from "./bind.ts";
import { demandKernel, demandOwn } from "./demand_kernel.ts";
import { MainServer } from "./main_server.ts";
import { type Model, modelIn } from "./models.ts";
import { reapOrphans } from "./orphans.ts";
import { findPlaces } from "./places.ts";
import { sortArguments } from "./serve_arguments.ts";
import { type Settings, settle } from "./settings.ts";
import { StatusDoor } from "./status_door.ts";
import { WorkerServer } from "./worker_server.ts";

/**
 * Serves the handler, a function or the URL of a module, with default options.
 * Resolves when a client would be answered.
 */
export function serve(handler: Handler | HandlerModule): Promise<Server<TcpAddress>>;
/**
 * Serves the handler on a TCP port, under the model that the options pick.
 * Resolves when the port is bound, the handler has loaded and a client would be
 * answered.
 * @throws {TypeError} for a wrong option, or a function given to a model with workers
 * @throws {SystemError} with a POSIX `code` if the system says no, and `ENOTSUP`
 * inside a worker: a handler's module must not serve, because each worker loads it
 */
export function serve(
  options: ServeTcpOptions,
  handler?: Handler | HandlerModule,
): Promise<Server<TcpAddress>>;
/**
 * The same on a Unix-domain socket.
 * @throws {TypeError} for a wrong option, or a function given to a model with workers
 * @throws {SystemError} with a POSIX `code` if the system says no
 */
export function serve(
  options: ServeUnixOptions,
  handler?: Handler | HandlerModule,
): Promise<Server<UnixAddress>>;
/**
 * The same, where the options alone know on which.
 * @throws {TypeError} for a wrong option, or a function given to a model with workers
 * @throws {SystemError} with a POSIX `code` if the system says no
 */
export function serve(options: ServeOptions, handler?: Handler | HandlerModule): Promise<Server>;
export async function serve(...given: readonly unknown[]): Promise<Server> {
  const { stack } = new Error(); // of whoever calls, as long as nothing was awaited
  const { options, handler } = sortArguments(given);
  const settings = settle(options);
  const model = modelIn(settings.workers, settings.serving.model)!;
  if (model.workers && typeof handler === "function") {
    throw new TypeError(
      `Cannot give a function to the model "${settings.serving.model}"${
        settings.workers > 0 ? " with workers" : ""
      }: pass the URL of a module whose default export is the handler`,
    );
  }
  const runtime = await detect();
  if (ownSettings(runtime)) {
    throw new SystemError(
      "ENOTSUP",
      "Cannot serve inside a worker: its handler's module calls serve() when it is loaded, " +
        "and each worker loads it; put the handler into a module of its own",
    );
  }
  demandKernel(runtime, settings);
  const places = await findPlaces(runtime, settings.places);
  demandOwn(settings, places);
  const onEvent = options.onEvent ?? troubleTeller(runtime.complain);
  const throttle = new EventThrottle((event: UntimedEvent) => {
    try {
      onEvent({ time: Date.now(), ...event } as ServerEvent);
    } catch (error) {
      // The listener's mistake is its user's, not a client's; Node has no reportError (26.10).
      queueMicrotask(() => {
        throw error;
      });
    }
  });
  const keeper = settings.status === null ? null : new StatusKeeper(runtime);
  // Counted as it happens, and not as it is told: of a flood one event a second is left.
  const emit: EventSink = keeper
    ? (event) => {
      keeper.book.event(event);
      throttle.event(event);
    }
    : throttle.event;
  // A worker is ready, and may have a client, before `listening` can be told.
  throttle.hold();

  const { workers } = model;
  const starting = workers
    ? WorkerServer.start(
      runtime,
      { ...model, workers },
      settings,
      places,
      handler as HandlerModule,
      emit,
      options.signal,
    )
    : startHere(runtime, model, settings, places, await load(runtime, handler, stack), emit);
  const server = await starting; // what waits is not told of one that never served
  const about = {
    ...server.about(),
    handler: handlerName(runtime, handler),
  };
  const status = keeper && await tellStatus(runtime, settings, server, keeper, about);
  const stopReaping = reapOrphans(runtime);
  server.finished.finally(() => {
    throttle.flush();
    stopReaping();
  }).catch(() => {}); // its user is told
  const { addr, addrs, sockets } = server;
  throttle.release({
    type: "listening",
    addr,
    ...(addrs.length > 1 ? { addrs } : {}),
    model: settings.serving.model,
    ...(sockets ? { sockets } : {}),
    handler: about.handler,
    pid: runtime.pid,
    workers: settings.workers,
    maxConnections: about.limits.connections,
    ...encryption(settings),
    ...(keepsSilent(settings, addrs) ? { keepsSilent: true } as const : {}),
    ...(status ? { status } : {}),
  });
  if (options.maxConnections !== undefined && server.room < options.maxConnections) {
    emit({
      type: "warning",
      message:
        `no more than ${server.room} connections at once, for this process may have too few descriptors: raise its limit with ulimit -n`,
    });
  }
  try {
    options.onListen?.(addr, addrs);
  } catch (error) {
    await server.close();
    throw error;
  }
  const { signal } = options;
  if (signal) {
    const onAbort = () => void server.shutdown();
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort);
      server.finished.finally(() => signal.removeEventListener("abort", onAbort)).catch(() => {});
    }
  }
  return server;
}

/** Which places are encrypted. */
function encryption({ serving: { tls } }: Settings): { readonly tls?: "all" | "some" } {
  if (tls.every((secured) => secured === null)) return {};
  return { tls: tls.every((secured) => secured !== null) ? "all" : "some" };
}

/** Whether strangers may keep their places and say nothing. */
function keepsSilent({ serving }: Settings, addrs: readonly Address[]): boolean {
  const { idleTimeout, firstByteTimeout, connectionTimeout } = serving;
  return !addrs.every(isLocal) && idleTimeout + firstByteTimeout + connectionTimeout === 0;
}

/** What the handler is called where the server tells of itself. */
function handlerName(runtime: Runtime, handler: Handler | HandlerModule): string {
  if (typeof handler === "function") return "a function";
  const url = handlerUrl(runtime, handler);
  return url === ECHO.href ? "echo" : url;
}

/** Keeps the server's status, and tells it where it shall be told; returns where that is. */
async function tellStatus(
  runtime: Runtime,
  { status, statusMode }: Settings,
  server: BaseServer,
  keeper: StatusKeeper,
  about: About,
): Promise<Address | null> {
  keeper.start({ about, view: () => server.view() });
  let door: StatusDoor | null = null;
  server.tell({
    keeper,
    async close() {
      keeper.stop();
      await door?.close();
    },
  });
  if (typeof status !== "object" || status === null) return null;
  try {
    door = await StatusDoor.open(runtime, status, statusMode, keeper);
    return door.addr;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Milliseconds that a module which serves itself may take to load, and what to do then. */
const OWN_TIMEOUT = 2000;
const OWN_HINT = ": it calls serve() with itself, and may wait for it; pass the function instead";

/** Starts a handler in this thread, and then serves it. */
async function startHere(
  runtime: Runtime,
  model: Model,
  settings: Settings,
  places: readonly ListenAt[],
  { url, parts }: Loaded,
  emit: EventSink,
): Promise<MainServer> {
  const place = { model: settings.serving.model, worker: { kind: "main", id: 0 } } as const;
  demandModel(url, parts.models, place.model, false);
  const lifecycle = new Lifecycle(url, parts, place);
  await lifecycle.start();
  try {
    const { handler } = parts;
    return await MainServer.start(runtime, model, settings, places, { handler, lifecycle }, emit);
  } catch (error) {
    await lifecycle.stop(settings.shutdownTimeout);
    throw error;
  }
}

/** A handler, and its module's URL; a function has none. */
interface Loaded {
  readonly url: string;
  readonly parts: HandlerParts;
}

/** @param stack of whoever called serve() */
async function load(
  runtime: Runtime,
  module: Handler | HandlerModule,
  stack: string | undefined,
): Promise<Loaded> {
  if (typeof module === "function") {
    return { url: "", parts: { handler: module, blocking: false, models: null } };
  }
  const url = handlerUrl(runtime, module);
  // While a module's top level waits, Bun 1.4 and Node 26.10 give it to nobody, Deno 2.9 does.
  const isOwn = usersPlace(runtime, stack)?.startsWith(`${url}:`);
  const parts = isOwn
    ? await loadHandler(runtime, url, undefined, OWN_TIMEOUT, OWN_HINT)
    : await loadHandler(runtime, url);
  return { url, parts };
}
