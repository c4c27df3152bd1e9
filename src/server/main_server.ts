/**
 * `iterative` and `multiplex`: the accept loop runs here.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { patiently } from "../connection/delay.ts";
import { SystemError } from "../connection/errors.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import type { EventSink } from "../events.ts";
import type { Handler } from "../handler/handler.ts";
import type { Lifecycle } from "../handler/lifecycle.ts";
import { EpollLoop } from "../posix/epoll_loop.ts";
import { Libc } from "../posix/libc.ts";
import { refuseNewcomers } from "../posix/syn_filter.ts";
import type { LoopListener, Runtime } from "../runtime.ts";
import { type MakePreludes, preludesFor } from "../serving/before_handler.ts";
import { Connections } from "../serving/connections.ts";
import { Refusals, SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { asOne, type OneListener } from "../serving/several_listeners.ts";
import { type Spreading, spreadingOf } from "../serving/spread.ts";
import type { About, View } from "../status/view.ts";
import { BaseServer, DRAIN } from "./base_server.ts";
import {
  bindAll,
  type Bound,
  isInherited,
  type ListenAt,
  listenBy,
  openSocket,
  ownOf,
} from "./bind.ts";
import { setKeepAlive } from "./keep_alive.ts";
import type { Model } from "./models.ts";
import { canReadAgain, readServing, tlsFor } from "./serving_files.ts";
import type { Settings } from "./settings.ts";

/** What is served, and what is told of its end; it has started. */
export interface Served {
  readonly handler: Handler;
  readonly lifecycle: Lifecycle;
}

/** A server whose one accept loop runs in this thread. */
export class MainServer extends BaseServer {
  readonly addrs: readonly Address[];
  readonly room: number;
  readonly #runtime: Runtime;
  readonly #epoll: EpollLoop | null;
  readonly #listeners: readonly Bound<LoopListener>[];
  /** All of them, as the accept loop has them. */
  readonly #source: OneListener<SocketConnection>;
  readonly #model: string;
  readonly #connections: Connections;
  readonly #accepting: Promise<void>;
  readonly #about: Omit<About, "handler">;
  /** To look at the queue; null if nobody wants to know, or it cannot be opened. */
  #libc: Libc | null = null;
  readonly #lifecycle: Lifecycle;
  readonly #shutdownTimeout: number;
  readonly #spreading: Spreading | null;
  /** Reads files again; null if no option names any. */
  #readAgain: (() => void) | null = null;
  /** When the shutdown began. */
  #since = -Infinity;
  readonly #hurry = Promise.withResolvers<void>();

  /** Binds and accepts. */
  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    places: readonly ListenAt[],
    served: Served,
    emit: EventSink,
  ): Promise<MainServer> {
    const given = settings.serving;
    const tls = await tlsFor(runtime, given);
    settings = { ...settings, serving: readServing(runtime, tls, given) };
    const makePreludes = await preludesFor(runtime, given);
    const loop = EpollLoop.share(runtime);
    try {
      const { backlog, unixMode, keepAlive } = settings;
      const bound = await bindAll<LoopListener>(runtime, places, unixMode, {
        open: (place) =>
          loop
            ? loop.listenOn(openSocket(loop.libc, place, backlog), isInherited(place))
            : listenBy(runtime, place, backlog, runtime.listen),
        addressOf: ({ addr }) => addr,
        prepare: ({ descriptor }, { address }) =>
          setKeepAlive(runtime, descriptor!, address, keepAlive),
        close: (listener) => listener.close(),
      });
      const before = makePreludes(settings.serving);
      const server = new MainServer(runtime, model, settings, loop, bound, served, emit, before);
      server.showCertificates(tls, settings.serving);
      if (canReadAgain(given)) {
        server.#readAgain = () => {
          const serving = readServing(runtime, tls, given);
          server.#connections.preludes = makePreludes(serving);
          server.showCertificates(tls, serving);
        };
      }
      return server;
    } catch (error) {
      await loop?.end();
      throw error;
    }
  }

  constructor(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    loop: EpollLoop | null,
    bound: readonly Bound<LoopListener>[],
    { handler, lifecycle }: Served,
    emit: EventSink,
    before: ReturnType<MakePreludes>,
  ) {
    super(runtime, settings, emit);
    this.#epoll = loop;
    this.addrs = bound.map(({ listener }) => listener.addr);
    this.#runtime = runtime;
    this.#shutdownTimeout = settings.shutdownTimeout;
    this.#spreading = spreadingOf(settings);
    this.#listeners = bound;
    const listeners = bound.map(({ listener }) => listener);
    this.#source = asOne(
      listeners,
      (connection, listener) => connection.place = bound[listener].place.number,
      (connection) => connection.close(),
    );
    this.#lifecycle = lifecycle;
    this.#model = settings.serving.model;
    this.rememberFiles(ownOf(bound).map(({ addr }) => addr));
    this.room = Math.max(1, (runtime.descriptorLimit() ?? Infinity) - SPARE_DESCRIPTORS);
    const limit = model.each === "one" ? 1 : Math.min(settings.maxConnections, this.room);
    for (const listener of listeners) {
      listener.onRefused = (remoteAddr) =>
        emit({ type: "refused", remoteAddr, reason: "descriptors", count: 1 });
    }
    this.#about = {
      model: settings.serving.model,
      addrs: this.addrs,
      each: model.each,
      limits: {
        connections: limit,
        connectionsPerSource: settings.maxConnectionsPerSource,
        backlog: settings.backlog,
      },
    };
    if (settings.status !== null && runtime.libraryRefusal() === null) {
      this.#libc = new Libc(runtime);
    }
    this.#connections = new Connections({
      runtime,
      settings: settings.serving,
      handler,
      worker: { kind: "main", id: 0 },
      limit: settings.refuses ? Infinity : limit,
      most: settings.refuses ? limit : Infinity,
      refusals: new Refusals({
        connections: settings.refuses ? limit : Infinity,
        perSource: settings.maxConnectionsPerSource,
        onRefused: (remoteAddr, reason) => emit({ type: "refused", remoteAddr, reason, count: 1 }),
      }),
      onEvent: this.emit,
    }, before);
    this.#accepting = this.#connections.accept(this.#source, 0).catch((error) => this.fail(error));
  }

  protected open(): number {
    return this.#connections.open;
  }

  about(): Omit<About, "handler"> {
    return this.#about;
  }

  protected look(): Omit<View, "stopping" | "certificates"> {
    return {
      waiting: this.#waiting(),
      workers: null,
      lookAt: (look) => this.#connections.look(look),
    };
  }

  /** Null if none of the listeners tells. */
  #waiting(): number | null {
    const { waiting } = this.#source;
    let sum: number | null = waiting ?? null;
    for (const { listener: { descriptor } } of this.#listeners) {
      const queued = descriptor === undefined ? null : this.#libc?.queueLength(descriptor) ?? null;
      if (queued !== null) sum = (sum ?? 0) + queued;
    }
    return sum;
  }

  /** There are none: so it is the files alone, for those who come from here on. */
  // deno-lint-ignore require-await -- what it throws is a rejection
  protected async replaceWorkers(): Promise<"files"> {
    if (this.#readAgain === null) {
      throw new SystemError(
        "ENOTSUP",
        `Cannot reload under the model "${this.#model}": a process loads a module once; ` +
          "start the server anew, or serve with workers",
      );
    }
    this.#readAgain();
    return "files";
  }

  protected async beginShutdown(): Promise<void> {
    this.#since = performance.now();
    if (this.#spreading === null) this.#connections.shutdown();
    const own = ownOf(this.#listeners);
    for (const { descriptor } of own) refuseNewcomers(this.#runtime, descriptor);
    // Another program's queue is for the next server.
    if (own.length > 0) await patiently(DRAIN);
  }

  protected stopListening(): void {
    this.#connections.shutdown(this.#spreading);
    // Whoever was accepted on another program's socket cannot wait for the next server.
    this.#source.close(this.#listeners.some(({ place }) => isInherited(place)));
  }

  protected endAll(): void {
    this.#connections.end("shutdown");
  }

  protected async drained(): Promise<void> {
    await this.#connections.gone();
    // An accept loop that is full looks at its listener only when one is free,
    // and the last `accept` may still give a connection.
    await this.#accepting;
    await this.#connections.gone();
    await this.#stop();
  }

  /** The handler's module has the rest of the shutdown's time, and at least so much. */
  async #stop(): Promise<void> {
    const left = this.#since + this.#shutdownTimeout - performance.now();
    const stopped = this.#lifecycle.stop(left).then((message) => {
      if (message) this.emit({ type: "warning", message });
    });
    await Promise.race([stopped, this.#hurry.promise]);
  }

  override close(): Promise<void> {
    this.#hurry.resolve();
    return super.close();
  }

  protected async release(): Promise<void> {
    this.#libc?.unload();
    this.#libc = null;
    await this.#epoll?.end();
  }
}
