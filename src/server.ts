/**
 * serve(): from options and a handler to a running server.
 * @module
 */
import { acceptLoop } from "./accept_loop.ts";
import { type Address, formatAddress } from "./connection.ts";
import { errorCode, errorMessage, SystemError } from "./errors.ts";
import type { ServerEvent, UntimedEvent } from "./events.ts";
import echo from "./echo.ts";
import type { Handler, ModelName } from "./handler.ts";
import { type Model, MODELS } from "./models.ts";
import { Libc } from "./posix/libc.ts";
import { ACCEPT_TIMEOUT } from "./posix/blocking_socket.ts";
import type { LoopListener, Runtime } from "./runtime.ts";
import { detect } from "./runtimes/detect.ts";
import { serveConnection, type ServedConnection, type ServeSettings } from "./serve_connection.ts";
import { Supervisor } from "./supervisor.ts";
import { processStarter, type SharedSettings, threadStarter } from "./worker_handle.ts";

/** Options for {@linkcode serve}. Times are in milliseconds. */
export interface ServeOptions {
  /** The concurrency model. @default {"multiplex"} */
  model?: ModelName;
  /** An address or a host's name. @default {"127.0.0.1"} */
  hostname?: string;
  /** The TCP port; 0 for a free one. @default {8888} */
  port?: number;
  /** A Unix-domain socket's path, instead of host and port. */
  path?: string;
  /** Connections at once; by default what the model says. */
  maxConnections?: number;
  /** Idle workers kept ready beyond the busy ones. @default {4} */
  spares?: number;
  /** Clients that may wait in the kernel's queue. @default {511} */
  backlog?: number;
  /** Ends a connection on which no byte moved for so long; 0: never. @default {0} */
  idleTimeout?: number;
  /** How long to wait for a peer's close after the server's. @default {2000} */
  linger?: number;
  /** How long open connections may go on after `shutdown()`. @default {10000} */
  shutdownTimeout?: number;
  /** More arguments for the runtime of worker processes, such as `--import-map=…`. */
  workerArgs?: string[];
  /** Whether `message` events are wanted. @default {false} */
  messages?: boolean;
  /** Shuts the server down when it is aborted. */
  signal?: AbortSignal;
  /** Called once, when the server is ready. */
  onListen?: (addr: Address) => void;
  /** Called with everything that happens; it must not take long. */
  onEvent?: (event: ServerEvent) => void;
}

/** A running server. */
export interface Server extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Address;
  /**
   * Resolves when the last connection, worker and descriptor is gone; rejects
   * if the server had to give up by itself.
   */
  readonly finished: Promise<void>;
  /** Refuses newcomers, lets open connections finish. Resolves with `finished`. */
  shutdown(): Promise<void>;
  /** Ends everything now. Resolves with `finished`. */
  close(): Promise<void>;
}

/** For `thread` and `process`, and everywhere: the URL of the handler's module. */
export type HandlerModule = URL | string;

/** The module of the default handler, echo until "bye". */
export const ECHO: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./echo.ts" : "./echo.js",
  import.meta.url,
);

type Settings =
  & Required<Omit<ServeOptions, "signal" | "onListen" | "onEvent" | "path">>
  & {
    address: Address;
  };

/** What one worker, a thread with its connection, takes of this process's descriptors. */
const WORKER_DESCRIPTORS = 8;
/** What is left for everything else. */
const SPARE_DESCRIPTORS = 64;

/** How long clients in the kernel's queue may still find a free place. */
const DRAIN = 50;

/**
 * Serves the handler, a function or the URL of a module, with default options.
 * Resolves when a client would be answered.
 */
export function serve(handler: Handler | HandlerModule): Promise<Server>;
/**
 * Serves the handler under the model that the options pick. Resolves when the
 * port is bound, the handler has loaded and a client would be answered.
 * @throws {TypeError} for a wrong option, or a function given to `thread` or `process`
 * @throws {SystemError} with a POSIX `code` if the system says no
 */
export function serve(
  options: ServeOptions,
  handler?: Handler | HandlerModule,
): Promise<Server>;
export async function serve(
  first: ServeOptions | Handler | HandlerModule,
  second?: Handler | HandlerModule,
): Promise<Server> {
  const onlyHandler = typeof first === "function" ||
    typeof first === "string" ||
    first instanceof URL;
  const options = onlyHandler ? {} : first;
  const handler = (onlyHandler ? first : second) ?? ECHO;
  const settings = settle(options);
  const model = MODELS[settings.model];
  if (model.where !== "main" && typeof handler === "function") {
    throw new TypeError(
      `Cannot give a function to the model "${settings.model}": pass the URL of a module whose default export is the handler`,
    );
  }
  const runtime = await detect();
  const address = await resolveHost(runtime, settings.address);
  const emit = (event: UntimedEvent) => {
    try {
      options.onEvent?.({ time: Date.now(), ...event } as ServerEvent);
    } catch (error) {
      reportError(error); // the listener's mistake is its user's, not a client's
    }
  };

  const server = model.where === "main"
    ? await MainServer.start(
      runtime,
      model,
      settings,
      address,
      await load(runtime, handler),
      emit,
    )
    : await WorkerServer.start(
      runtime,
      model,
      settings,
      address,
      handler as HandlerModule,
      emit,
    );
  emit({ type: "listening", addr: server.addr, model: settings.model });
  try {
    options.onListen?.(server.addr);
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

/** Defaults, and one clear line for each wrong option. */
function settle(options: ServeOptions): Settings {
  const model = options.model ?? "multiplex";
  if (!Object.hasOwn(MODELS, model)) {
    throw new TypeError(
      `Cannot serve under the model "${model}": it is one of ${Object.keys(MODELS).join(", ")}`,
    );
  }
  const whole = (
    name: keyof ServeOptions,
    value: number,
    min: number,
    max: number,
  ) => {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new TypeError(
        `Cannot serve with ${name} ${value}: it is a whole number from ${min} to ${max}`,
      );
    }
    return value;
  };
  const largest = 2 ** 31 - 1;
  const port = whole("port", options.port ?? 8888, 0, 65535);
  if (options.path === "" || options.path?.includes("\0")) {
    throw new TypeError("Cannot serve with this path: it is a file's path, without NUL bytes");
  }
  return {
    model,
    address: options.path !== undefined
      ? { transport: "unix", path: options.path }
      : { transport: "tcp", hostname: options.hostname ?? "127.0.0.1", port },
    hostname: options.hostname ?? "127.0.0.1",
    port,
    maxConnections: whole(
      "maxConnections",
      options.maxConnections ?? MODELS[model].maxConnections,
      1,
      largest,
    ),
    spares: whole("spares", options.spares ?? 4, 1, largest),
    backlog: whole("backlog", options.backlog ?? 511, 1, largest),
    idleTimeout: whole("idleTimeout", options.idleTimeout ?? 0, 0, largest),
    linger: whole("linger", options.linger ?? 2000, 0, largest),
    shutdownTimeout: whole(
      "shutdownTimeout",
      options.shutdownTimeout ?? 10_000,
      0,
      largest,
    ),
    workerArgs: options.workerArgs ?? [],
    messages: options.messages ?? false,
  };
}

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

async function resolveHost(
  runtime: Runtime,
  address: Address,
): Promise<Address> {
  if (address.transport === "unix" || IPV4.test(address.hostname)) return address;
  if (address.hostname.includes(":")) {
    if (URL.canParse(`http://[${address.hostname}]`)) return address;
    throw new TypeError(`Cannot serve on "${address.hostname}": it is no IPv6 address`);
  }
  return { ...address, hostname: await runtime.lookup(address.hostname) };
}

async function load(
  runtime: Runtime,
  handler: Handler | HandlerModule,
): Promise<Handler> {
  if (typeof handler === "function") return handler;
  if (String(handler) === ECHO.href) return echo;
  return (await loadHandler(handlerUrl(runtime, handler))).handler;
}

/** What is no URL is a path, and relative to the current folder. */
function handlerUrl(runtime: Runtime, handler: HandlerModule): string {
  const isUrl = handler instanceof URL || /^[a-z][a-z0-9+.-]+:/i.test(handler);
  return (isUrl ? new URL(handler) : runtime.fileUrl(handler)).href;
}

/**
 * A handler's module, loaded.
 * @throws {Error} with one line that says what is wrong with it
 */
export async function loadHandler(
  url: string,
): Promise<{ readonly handler: Handler; readonly blocking: boolean }> {
  let module;
  try {
    module = await import(url);
  } catch (error) {
    const line = errorMessage(error).split("\n")[0];
    throw new Error(`Cannot load the handler ${url}: ${line}`, {
      cause: error,
    });
  }
  if (typeof module.default !== "function") {
    throw new Error(
      `Cannot use the handler ${url}: its default export must be a function, and is ${
        module.default === undefined ? "missing" : `a ${typeof module.default}`
      }`,
    );
  }
  return { handler: module.default, blocking: module.blocking === true };
}

/**
 * Binds; where a Unix socket's file is left over from a server that is gone,
 * in its place.
 */
async function bind<T>(
  runtime: Runtime,
  address: Address,
  listen: () => T | Promise<T>,
) {
  try {
    return await listen();
  } catch (error) {
    if (errorCode(error) === "EADDRINUSE" && address.transport === "unix") {
      const file = runtime.socketFile(address.path);
      if (typeof file === "object" && !await answers(runtime, address)) {
        const now = runtime.socketFile(address.path);
        // Another server may have replaced it meanwhile.
        if (typeof now === "object" && now.inode === file.inode) runtime.removeFile(address.path);
        return await listen();
      }
    }
    throw bindError(address, error);
  }
}

async function answers(runtime: Runtime, address: Address): Promise<boolean> {
  try {
    (await runtime.connect(address)).close();
    return true;
  } catch (error) {
    return errorCode(error) !== "ECONNREFUSED";
  }
}

const BIND_HINTS: Record<string, string> = {
  EADDRINUSE: "it is in use; stop what listens there or pick another",
  EADDRNOTAVAIL: "no interface of this machine has that address",
  EACCES: "permission denied; ports below 1024 are for root",
  EPERM: "permission denied",
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder does not exist",
};

function bindError(address: Address, error: unknown): Error {
  const code = errorCode(error);
  if (code === undefined || code === "ENAMETOOLONG") return error as Error;
  const unixDenied = address.transport === "unix" && code === "EACCES";
  const hint = unixDenied ? "permission denied" : BIND_HINTS[code] ?? errorMessage(error);
  return new SystemError(
    code,
    `Cannot listen on ${formatAddress(address)}: ${hint}`,
    error,
  );
}

/** The order in which any server stops; what differs is `Stoppable`. */
abstract class BaseServer implements Server {
  abstract readonly addr: Address;
  readonly finished: Promise<void>;
  protected readonly settled = Promise.withResolvers<void>();
  readonly #runtime: Runtime;
  readonly #shutdownTimeout: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #file: { path: string; inode: number } | null = null;
  #state: "serving" | "shutting down" | "closing" = "serving";
  #failure: Error | null = null;

  constructor(
    runtime: Runtime,
    settings: Settings,
    readonly emit: (event: UntimedEvent) => void,
  ) {
    this.#runtime = runtime;
    this.#shutdownTimeout = settings.shutdownTimeout;
    this.finished = this.settled.promise;
  }

  /** Tells everybody; resolves when nobody waits for a place that is free. */
  protected abstract beginShutdown(): Promise<void>;
  /** Newcomers are refused from here on. */
  protected abstract stopListening(): void;
  /** Ends connections and workers now. */
  protected abstract endAll(): void;
  /** Resolves when no connection and no worker is left. */
  protected abstract drained(): Promise<void>;
  /** Gives back what is left. */
  protected abstract release(): void;
  protected abstract open(): number;

  protected rememberFile(address: Address): void {
    if (address.transport !== "unix") return;
    try {
      const file = this.#runtime.socketFile(address.path);
      if (typeof file === "object") this.#file = { path: address.path, inode: file.inode };
    } catch {
      // It may not be looked at: then it stays, and the next server replaces it.
    }
  }

  protected fail(error: Error): void {
    this.#failure ??= error;
    void this.close().catch(() => {});
  }

  shutdown(): Promise<void> {
    if (this.#state === "serving") {
      this.#state = "shutting down";
      this.emit({ type: "shutdown", open: this.open() });
      void this.#shutDown();
    }
    return this.finished;
  }

  async #shutDown(): Promise<void> {
    await this.beginShutdown();
    this.#stopListening();
    this.#timer = setTimeout(() => this.endAll(), this.#shutdownTimeout);
    await this.#finish();
  }

  close(): Promise<void> {
    if (this.#state !== "closing") {
      const before = this.#state;
      this.#state = "closing";
      if (before === "serving") {
        this.emit({ type: "shutdown", open: this.open() });
      }
      this.#stopListening();
      this.endAll();
      if (before === "serving") void this.#finish();
    }
    return this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #stopListening(): void {
    if (this.#file) {
      const { path, inode } = this.#file;
      this.#file = null;
      try {
        const now = this.#runtime.socketFile(path);
        // Another server may have taken the path.
        if (typeof now === "object" && now.inode === inode) this.#runtime.removeFile(path);
      } catch {
        // The file stays: it may not be removed, and the next server replaces it.
      }
    }
    this.stopListening();
  }

  async #finish(): Promise<void> {
    await this.drained();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.release();
    if (this.#failure) this.settled.reject(this.#failure);
    else this.settled.resolve();
  }
}

/** `iterative` and `multiplex`: the accept loop runs here. */
class MainServer extends BaseServer {
  readonly addr: Address;
  readonly #listener: LoopListener;
  readonly #open = new Set<ServedConnection>();
  readonly #limit: number;
  readonly #abort = new AbortController();
  #ended = false;
  readonly #loop: Promise<void>;

  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    address: Address,
    handler: Handler,
    emit: (event: UntimedEvent) => void,
  ): Promise<MainServer> {
    const listener = await bind(
      runtime,
      address,
      () => runtime.listen(address, settings.backlog),
    );
    return new MainServer(runtime, model, settings, listener, handler, emit);
  }

  constructor(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    listener: LoopListener,
    handler: Handler,
    emit: (event: UntimedEvent) => void,
  ) {
    super(runtime, settings, emit);
    this.addr = listener.addr;
    this.#listener = listener;
    this.rememberFile(listener.addr);
    const worker = { kind: "main", id: 0 } as const;
    const serveSettings: ServeSettings = { ...settings, onEvent: emit };
    let count = 0;
    this.#limit = model.each === "one" ? 1 : settings.maxConnections;
    this.#loop = acceptLoop(listener, this.#limit, (connection) => {
      const context = {
        signal: this.#abort.signal,
        id: `0.${++count}`,
        model: settings.model,
        worker,
      };
      const served = serveConnection(
        connection,
        handler,
        context,
        serveSettings,
      );
      this.#open.add(served);
      if (this.#ended) served.end("shutdown");
      return served.done.then(() => void this.#open.delete(served));
    }, (code) => emit({ type: "accept_failed", code, worker }))
      .catch((error) => this.fail(error));
  }

  protected open(): number {
    return this.#open.size;
  }

  protected async beginShutdown(): Promise<void> {
    this.#abort.abort();
    if (this.#open.size < this.#limit) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN));
    }
  }

  protected stopListening(): void {
    this.#abort.abort();
    this.#listener.close();
  }

  protected endAll(): void {
    this.#ended = true;
    for (const served of this.#open) served.end("shutdown");
  }

  protected async drained(): Promise<void> {
    // An accept loop that is full looks at its listener only when one is free,
    // and the last `accept` may still give a connection.
    for (const wait of [null, this.#loop]) {
      await wait;
      while (this.#open.size > 0) {
        await Promise.all([...this.#open].map((served) => served.done));
      }
    }
  }

  protected release(): void {}
}

/** `thread` and `process`: the accept loops run in workers. */
class WorkerServer extends BaseServer {
  readonly addr: Address;
  readonly #libc: Libc;
  readonly #listening: number;
  readonly #supervisor: Supervisor;
  #stopped = false;

  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    address: Address,
    handler: HandlerModule,
    emit: (event: UntimedEvent) => void,
  ): Promise<WorkerServer> {
    const refusal = runtime.libraryRefusal() ??
      (model.where === "process" ? runtime.processRefusal() : null);
    if (refusal) {
      throw new SystemError(
        "EACCES",
        `Cannot serve under the model "${settings.model}": ${refusal}, or pick --model multiplex`,
      );
    }
    const libc = new Libc(runtime);
    const url = handlerUrl(runtime, handler);
    const listening = await bind(
      runtime,
      address,
      () => libc.listen(address, settings.backlog),
    ).catch((error) => {
      libc.unload();
      throw error;
    });
    libc.setTimeout(listening, "receive", ACCEPT_TIMEOUT);
    let failed = false; // a server that never served has only one thing to say
    const server = new WorkerServer(runtime, libc, model, settings, listening, url, (event) => {
      if (!failed) emit(event);
    });
    try {
      await server.#supervisor.start();
    } catch (error) {
      failed = true;
      await server.close();
      throw error;
    }
    return server;
  }

  constructor(
    runtime: Runtime,
    libc: Libc,
    model: Model,
    settings: Settings,
    listening: number,
    handler: string,
    emit: (event: UntimedEvent) => void,
  ) {
    super(runtime, settings, emit);
    this.#libc = libc;
    this.#listening = listening;
    this.addr = libc.localAddress(listening);
    this.rememberFile(this.addr);
    const shared: SharedSettings = {
      model: settings.model,
      handler,
      listening,
      linger: settings.linger,
      idleTimeout: settings.idleTimeout,
      messages: settings.messages,
    };
    // Deno 2.9 panics when a worker is started and descriptors run out.
    const room = Math.floor((libc.descriptorLimit() - SPARE_DESCRIPTORS) / WORKER_DESCRIPTORS);
    const limit = Math.max(1, Math.min(settings.maxConnections, room));
    this.#supervisor = new Supervisor({
      spares: Math.min(settings.spares, limit),
      limit,
      start: model.where === "thread"
        ? threadStarter(runtime, libc, shared)
        : processStarter(runtime, libc, shared, settings.workerArgs),
      queueLength: () => libc.queueLength(listening),
      onEvent: emit,
      onGiveUp: (error) => this.fail(error),
    });
  }

  protected open(): number {
    return this.#supervisor.open;
  }

  protected async beginShutdown(): Promise<void> {
    const free = this.#supervisor.idle > 0;
    if (free) await new Promise((resolve) => setTimeout(resolve, DRAIN));
    this.#supervisor.shutdown();
  }

  protected stopListening(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // This wakes every worker that is blocked in accept. The descriptor stays
    // until the last thread is gone, lest its number mean something else.
    this.#libc.shutdown(this.#listening, "both");
    if (this.addr.transport === "unix") this.#endQueue();
  }

  /** Linux resets who waits in a TCP socket's queue; a Unix one keeps them waiting. */
  #endQueue(): void {
    try {
      for (;;) this.#libc.close(this.#libc.accept(this.#listening, true).descriptor);
    } catch {
      // EINVAL: it is shut down, and nobody waits any more.
    }
  }

  protected endAll(): void {
    this.#supervisor.kill();
  }

  protected drained(): Promise<void> {
    return this.#supervisor.gone();
  }

  protected release(): void {
    this.#libc.close(this.#listening);
    this.#libc.unload();
  }
}
