/**
 * `iterative` and `multiplex`: the accept loop runs here.
 * @module
 */
import { acceptLoop } from "../serving/accept_loop.ts";
import { BaseServer, DRAIN } from "./base_server.ts";
import { bind } from "./bind.ts";
import type { Address } from "../connection/connection.ts";
import { patiently } from "../connection/delay.ts";
import { SystemError } from "../connection/errors.ts";
import type { UntimedEvent } from "../events.ts";
import type { Handler } from "../handler/handler.ts";
import { Admission, SPARE_DESCRIPTORS } from "../serving/admission.ts";
import type { Model } from "./models.ts";
import { refuseNewcomers } from "../posix/syn_filter.ts";
import { EpollLoop } from "../posix/epoll_loop.ts";
import type { LoopListener, Runtime } from "../runtime.ts";
import {
  serveConnection,
  type ServedConnection,
  type ServeSettings,
} from "../serving/serve_connection.ts";
import type { Settings } from "./serve_options.ts";

/** A server whose one accept loop runs in this thread. */
export class MainServer extends BaseServer {
  readonly addr: Address;
  readonly room: number;
  readonly #runtime: Runtime;
  readonly #epoll: EpollLoop | null;
  readonly #listener: LoopListener;
  readonly #open = new Set<ServedConnection>();
  readonly #limit: number;
  readonly #model: string;
  readonly #abort = new AbortController();
  #ended = false;
  readonly #loop: Promise<void>;

  /** Binds and accepts. */
  static async start(
    runtime: Runtime,
    model: Model,
    settings: Settings,
    address: Address,
    handler: Handler,
    emit: (event: UntimedEvent) => void,
  ): Promise<MainServer> {
    const loop = EpollLoop.share(runtime);
    try {
      const listen = () => (loop ?? runtime).listen(address, settings.backlog);
      const listener = await bind(runtime, address, settings.unixMode, listen);
      return new MainServer(runtime, model, settings, loop, listener, handler, emit);
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
    handler: Handler,
    emit: (event: UntimedEvent) => void,
  ) {
    super(runtime, settings, emit);
    this.#epoll = loop;
    this.addr = listener.addr;
    this.#runtime = runtime;
    this.#listener = listener;
    this.#model = settings.model;
    this.rememberFile(listener.addr);
    const worker = { kind: "main", id: 0 } as const;
    const serveSettings: ServeSettings = { ...settings, onEvent: emit };
    let count = 0;
    this.room = Math.max(1, (runtime.descriptorLimit() ?? Infinity) - SPARE_DESCRIPTORS);
    this.#limit = model.each === "one" ? 1 : Math.min(settings.maxConnections, this.room);
    listener.onRefused = (remoteAddr) =>
      emit({ type: "refused", remoteAddr, reason: "descriptors", count: 1 });
    const refuses = settings.overLimit === "refuse";
    const admission = new Admission({
      connections: refuses ? this.#limit : Infinity,
      perSource: settings.maxConnectionsPerSource,
      onRefused: (remoteAddr, reason) => emit({ type: "refused", remoteAddr, reason, count: 1 }),
    });
    this.#loop = acceptLoop(listener, refuses ? Infinity : this.#limit, (connection) => {
      if (!admission.enter(connection.remoteAddr)) {
        connection.close();
        return Promise.resolve();
      }
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
      return served.done.then(() => {
        this.#open.delete(served);
        admission.leave(connection.remoteAddr);
      });
    }, (code) => emit({ type: "accept_failed", code, count: 1, worker }))
      .catch((error) => this.fail(error));
  }

  protected open(): number {
    return this.#open.size;
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
    this.#abort.abort();
    refuseNewcomers(this.#runtime, this.#listener.descriptor);
    await patiently(DRAIN);
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

  protected async release(): Promise<void> {
    await this.#epoll?.end();
  }
}
