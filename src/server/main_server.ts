/**
 * `iterative` and `multiplex`: the accept loop runs here.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { patiently, within } from "../connection/delay.ts";
import { SystemError } from "../connection/errors.ts";
import type { EventSink } from "../events.ts";
import type { Handler } from "../handler/handler.ts";
import type { Lifecycle } from "../handler/lifecycle.ts";
import { EpollLoop } from "../posix/epoll_loop.ts";
import { Libc } from "../posix/libc.ts";
import { refuseNewcomers } from "../posix/syn_filter.ts";
import type { LoopListener, Runtime } from "../runtime.ts";
import { Connections } from "../serving/connections.ts";
import { Refusals, SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { type Spreading, spreadingOf } from "../serving/spread.ts";
import type { About, View } from "../status/view.ts";
import { BaseServer, DRAIN } from "./base_server.ts";
import { bind, listenBy } from "./bind.ts";
import { setKeepAlive } from "./keep_alive.ts";
import type { Model } from "./models.ts";
import type { Settings } from "./settings.ts";

/** What is served, and what is told of its end; it has started. */
export interface Served {
  readonly handler: Handler;
  readonly lifecycle: Lifecycle;
}

/** A server whose one accept loop runs in this thread. */
export class MainServer extends BaseServer {
  readonly addr: Address;
  readonly room: number;
  readonly #runtime: Runtime;
  readonly #epoll: EpollLoop | null;
  readonly #listener: LoopListener;
  readonly #model: string;
  readonly #connections: Connections;
  readonly #accepting: Promise<void>;
  readonly #about: Omit<About, "handler">;
  /** To look at the queue; null if nobody wants to know, or it cannot be opened. */
  #libc: Libc | null = null;
  readonly #lifecycle: Lifecycle;
  readonly #shutdownTimeout: number;
  readonly #spreading: Spreading | null;
  /** When the shutdown began. */
  #since = -Infinity;
  readonly #hurry = Promise.withResolvers<void>();

  /** Binds and accepts. */
  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    address: Address,
    served: Served,
    emit: EventSink,
  ): Promise<MainServer> {
    const loop = EpollLoop.share(runtime);
    try {
      const { backlog } = settings;
      const listen = () =>
        loop ? loop.listen(address, backlog) : listenBy(runtime, address, backlog, runtime.listen);
      const listener = await bind(runtime, address, settings.unixMode, listen);
      setKeepAlive(runtime, listener.descriptor!, settings.keepAlive);
      return new MainServer(runtime, model, settings, loop, listener, served, emit);
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
    listener: LoopListener,
    { handler, lifecycle }: Served,
    emit: EventSink,
  ) {
    super(runtime, settings, emit);
    this.#epoll = loop;
    this.addr = listener.addr;
    this.#runtime = runtime;
    this.#shutdownTimeout = settings.shutdownTimeout;
    this.#spreading = spreadingOf(settings);
    this.#listener = listener;
    this.#lifecycle = lifecycle;
    this.#model = settings.serving.model;
    this.rememberFile(listener.addr);
    this.room = Math.max(1, (runtime.descriptorLimit() ?? Infinity) - SPARE_DESCRIPTORS);
    const limit = model.each === "one" ? 1 : Math.min(settings.maxConnections, this.room);
    listener.onRefused = (remoteAddr) =>
      emit({ type: "refused", remoteAddr, reason: "descriptors", count: 1 });
    this.#about = {
      model: settings.serving.model,
      addr: listener.addr,
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
      settings: settings.serving,
      handler,
      worker: { kind: "main", id: 0 },
      number: 0,
      limit: settings.refuses ? Infinity : limit,
      refusals: new Refusals({
        connections: settings.refuses ? limit : Infinity,
        perSource: settings.maxConnectionsPerSource,
        onRefused: (remoteAddr, reason) => emit({ type: "refused", remoteAddr, reason, count: 1 }),
      }),
      onEvent: this.emit,
    });
    this.#accepting = this.#connections.accept(listener).catch((error) => this.fail(error));
  }

  protected open(): number {
    return this.#connections.open;
  }

  about(): Omit<About, "handler"> {
    return this.#about;
  }

  protected look(): Omit<View, "stopping"> {
    const { descriptor, waiting } = this.#listener;
    const queued = this.#libc && descriptor !== undefined
      ? this.#libc.queueLength(descriptor)
      : null;
    return {
      waiting: waiting === undefined ? queued : waiting + (queued ?? 0),
      workers: null,
      lookAt: (look) => this.#connections.look(look),
    };
  }

  protected replaceWorkers(): Promise<void> {
    return Promise.reject(
      new SystemError(
        "ENOTSUP",
        `Cannot reload under the model "${this.#model}": a process loads a module once; ` +
          "start the server anew, or serve with workers",
      ),
    );
  }

  protected async beginShutdown(): Promise<void> {
    this.#since = performance.now();
    if (this.#spreading === null) this.#connections.shutdown();
    refuseNewcomers(this.#runtime, this.#listener.descriptor);
    await patiently(DRAIN);
  }

  protected stopListening(): void {
    this.#connections.shutdown(this.#spreading);
    this.#listener.close();
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
    const left = Math.max(LEAST_STOP, this.#since + this.#shutdownTimeout - performance.now());
    const stopped = this.#lifecycle.stop().then((message) => {
      if (message) this.emit({ type: "warning", message });
    });
    await within(left, Promise.race([stopped, this.#hurry.promise]));
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

/** Milliseconds. */
const LEAST_STOP = 1000;
