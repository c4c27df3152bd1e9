/**
 * The connections of one accept loop, each from `accept` to close. In every
 * model this is where a connection becomes served.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { SocketConnection, TlsStarter } from "../connection/socket_connection.ts";
import type { CloseReason, EventSink, RefusalReason } from "../events.ts";
import type { Context, Handler, WorkerName } from "../handler/handler.ts";
import type { ProxyInfo } from "../proxy/proxy_header.ts";
import type { Runtime } from "../runtime.ts";
import type { Look } from "../status/book.ts";
import type { TlsInfo } from "../connection/tls_info.ts";
import { acceptLoop, type ConnectionSource } from "./accept_loop.ts";
import { runPreludes } from "./before_handler.ts";
import type { Prelude } from "./prelude.ts";
import type { Refusals } from "./refusals.ts";
import { serveConnection, type ServedConnection } from "./serve_connection.ts";
import type { ServingSettings } from "./serving_settings.ts";
import { Spread, type Spreading } from "./spread.ts";

/** What gives an accept loop its connections, and is told when each has ended. */
export interface Source extends ConnectionSource<SocketConnection> {
  /** A connection that it gave has ended, or was refused. */
  left?(): void;
}

/** What is the same for all connections of one accept loop. */
export interface ConnectionsOptions {
  readonly runtime: Runtime;
  readonly settings: ServingSettings;
  readonly handler: Handler;
  /** Who serves them. */
  readonly worker: WorkerName;
  /** How many at once, before the next is accepted. */
  readonly limit: number;
  /** How many at once, also before their handler, where those beyond it are refused. */
  readonly most?: number;
  /** Decides whether a client is let in. */
  readonly refusals: Pick<Refusals, "admit" | "leave">;
  /** Decides it after the preludes, where that takes an answer of somebody's. */
  readonly admitLater?: (remoteAddr: Address) => Promise<boolean>;
  /** Told before the last one of its lifetime is served. */
  readonly onLast?: () => void;
  /** Told when a prelude begins, which keeps the worker busy, and when it has failed. */
  readonly onPrelude?: (what: "begins" | "failed") => void;
  readonly onEvent: EventSink;
}

/** What a handler is told; a class, so that `gone` costs nothing until it is asked for. */
class ServedContext implements Context {
  readonly signal: AbortSignal;
  readonly id: string;
  readonly model: Context["model"];
  readonly worker: WorkerName;
  readonly proxy: ProxyInfo | null;
  readonly #connection: SocketConnection;

  constructor(
    connection: SocketConnection,
    signal: AbortSignal,
    id: string,
    model: Context["model"],
    worker: WorkerName,
    proxy: ProxyInfo | null,
  ) {
    this.#connection = connection;
    this.signal = signal;
    this.id = id;
    this.model = model;
    this.worker = worker;
    this.proxy = proxy;
  }

  get gone(): AbortSignal {
    return this.#connection.gone;
  }

  get tls(): TlsInfo | null {
    return this.#connection.tls;
  }
}

/** The connections; `accept` is called once. */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** By place. */
  #preludes: readonly (readonly Prelude[])[];
  /** How handlers begin TLS. */
  readonly #tlsStarter: TlsStarter;
  readonly #abort = new AbortController();
  /** Where the end is spread: what tells one handler. */
  readonly #own: Map<ServedConnection, AbortController> | null;
  #spread: Spread<[ServedConnection, AbortController]> | null = null;
  /** Those whose last bytes are on their way, before they are reset. */
  readonly #closing = new Set<Promise<void>>();
  /** Those that the handler has. */
  readonly #served = new Set<ServedConnection>();
  /** Those that it does not have yet. */
  readonly #waiting = new Set<SocketConnection>();
  #count = 0;
  #number = 0;
  #lifetime = Infinity;
  /** Why all were ended, if they were. */
  #ended: CloseReason | null = null;
  #onEmpty: PromiseWithResolvers<void> | null = null;
  /** Told when the preludes of one have ended. */
  #onPreludesEnd = (): void => {};

  /** @param before by place, what happens before the handler */
  constructor(options: ConnectionsOptions, before: readonly (readonly Prelude[])[]) {
    this.#options = options;
    this.#preludes = before;
    this.#tlsStarter = lateStarter(options.runtime);
    this.#own = options.settings.drainSpread > 0 ? new Map() : null;
  }

  /** For those who come from here on: by place, what happens before the handler. */
  set preludes(preludes: readonly (readonly Prelude[])[]) {
    this.#preludes = preludes;
  }

  /** How many the handler has. */
  get open(): number {
    return this.#served.size;
  }

  /** Tells what each of those is and does now. */
  look(look: Look): void {
    for (const served of this.#served) served.look(look);
  }

  /** The connection that the handler has; null if there is none, or if the loop holds several. */
  get current(): ServedConnection | null {
    const [first] = this.#served;
    return this.#options.limit === 1 ? first ?? null : null;
  }

  /**
   * Accepts and serves, until the listener is closed or the lifetime over;
   * connections may still be open then.
   * @param number the worker's, unique for the server's life: connection ids begin with it
   * @param lifetime how many in all, before no more are accepted
   * @throws an error of `accept` that neither retrying nor waiting can mend
   */
  accept(listener: Source, number: number, lifetime = Infinity): Promise<void> {
    const { limit, worker, onEvent } = this.#options;
    this.#number = number;
    this.#lifetime = lifetime;
    return acceptLoop(
      {
        accept: () => this.#taken < lifetime ? listener.accept() : this.#acceptLater(listener),
      },
      limit,
      (connection) => this.#take(connection, listener),
      (code) => onEvent({ type: "accept_failed", code, count: 1, worker }),
    );
  }

  /** The next one, once those in preludes have not used the lifetime up; null if they have. */
  async #acceptLater(listener: Source): Promise<SocketConnection | null> {
    while (this.#count < this.#lifetime && this.#taken >= this.#lifetime) {
      await new Promise<void>((resolve) => this.#onPreludesEnd = resolve);
    }
    return this.#count < this.#lifetime ? listener.accept() : null;
  }

  /** How many have had the handler, or may have it yet. */
  get #taken(): number {
    return this.#count + this.#waiting.size;
  }

  /**
   * Tells the handlers that the server shuts down: all at once or, with `spreading`, one
   * after another, and ends them as it says.
   */
  shutdown(spreading: Spreading | null = null): void {
    this.#abort.abort();
    if (this.#own === null || this.#spread) return;
    if (spreading === null) return this.#tellEach();
    this.#spread = new Spread(
      [...this.#own],
      spreading,
      ([, abort]) => abort.abort(),
      ([served]) => served.end("shutdown"),
    );
  }

  #tellEach(): void {
    this.#spread?.stop();
    if (this.#own) { for (const abort of this.#own.values()) abort.abort(); }
  }

  /** Ends all now, and each that still comes. */
  end(reason: CloseReason): void {
    this.#ended = reason;
    this.#tellEach();
    for (const served of this.#served) served.end(reason);
    for (const connection of this.#waiting) connection.close();
  }

  /** Resolves when there is none. */
  async gone(): Promise<void> {
    while (!this.#isEmpty) {
      this.#onEmpty ??= Promise.withResolvers();
      await this.#onEmpty.promise;
    }
    this.#spread?.stop();
  }

  /** Resolves when the connection has ended; never rejects. */
  #take(connection: SocketConnection, listener: Source): Promise<void> {
    const before = this.#preludes[connection.place];
    if (before.length === 0) return this.#admit(connection, listener);
    if (this.#ended) return this.#close(connection, listener);
    return this.#takeWithPreludes(connection, listener, before);
  }

  async #takeWithPreludes(
    connection: SocketConnection,
    listener: Source,
    before: readonly Prelude[],
  ): Promise<void> {
    const { most = Infinity, handler, admitLater, onPrelude } = this.#options;
    if (this.#waiting.size + this.#served.size >= most) {
      this.#refuse(connection, "connections");
      return await this.#close(connection, listener);
    }
    this.#waiting.add(connection);
    onPrelude?.("begins");
    const outcome = await runPreludes(before, connection);
    const isProxied = this.#options.settings.proxies[connection.place] !== null;
    const isLetIn = outcome.refused === null &&
      (!isProxied || !admitLater || await admitLater(connection.remoteAddr));
    this.#waiting.delete(connection);
    this.#onPreludesEnd();
    if (isLetIn) {
      const { proxy, left } = outcome;
      return await this.#admit(connection, listener, proxy, left ? noticesItsEnd : handler);
    }
    if (outcome.refused !== null) this.#refuse(connection, outcome.refused, outcome.error);
    onPrelude?.("failed");
    await this.#close(connection, listener);
  }

  #refuse({ remoteAddr }: SocketConnection, reason: RefusalReason, error?: string): void {
    if (this.#ended) return;
    const more = error === undefined ? {} : { error };
    this.#options.onEvent({ type: "refused", remoteAddr, reason, ...more, count: 1 });
  }

  #admit(
    connection: SocketConnection,
    listener: Source,
    proxy: ProxyInfo | null = null,
    handler = this.#options.handler,
  ): Promise<void> {
    const { settings, worker, refusals, onLast, onPrelude, onEvent } = this.#options;
    const { remoteAddr } = connection;
    connection.tlsStarter = this.#tlsStarter;
    if (!refusals.admit(remoteAddr)) {
      if (this.#preludes[connection.place].length > 0) onPrelude?.("failed");
      return this.#close(connection, listener);
    }
    if (++this.#count === this.#lifetime) onLast?.();
    const id = `${this.#number}.${this.#count}`;
    // Whoever comes when all are told already is told at once.
    const isOwn = this.#own !== null && !this.#abort.signal.aborted;
    const abort = isOwn ? new AbortController() : this.#abort;
    const context = new ServedContext(connection, abort.signal, id, settings.model, worker, proxy);
    const served = serveConnection(connection, handler, context, settings, onEvent);
    this.#served.add(served);
    if (isOwn) this.#own!.set(served, abort);
    if (this.#ended) served.end(this.#ended);
    return served.done.then(() => {
      this.#served.delete(served);
      this.#own?.delete(served);
      refusals.leave(remoteAddr);
      listener.left?.();
      if (connection.closing) this.#waitFor(connection.closing);
      else this.#tellIfEmpty();
    });
  }

  #close(connection: SocketConnection, listener: Source): Promise<void> {
    connection.close();
    connection.stopLifeTimer();
    listener.left?.();
    this.#tellIfEmpty();
    return Promise.resolve();
  }

  get #isEmpty(): boolean {
    return this.#served.size + this.#waiting.size + this.#closing.size === 0;
  }

  /** Its place is another's already. */
  #waitFor(closing: Promise<void>): void {
    this.#closing.add(closing);
    closing.then(() => {
      this.#closing.delete(closing);
      this.#tellIfEmpty();
    });
  }

  #tellIfEmpty(): void {
    if (!this.#isEmpty) return;
    this.#onEmpty?.resolve();
    this.#onEmpty = null;
  }
}

/** In a handler's place, for a client that has left already: it finds how. */
const noticesItsEnd: Handler = async (connection) => {
  await connection.read(new Uint8Array(1));
};

/** Loads what begins TLS when a handler asks for it. */
function lateStarter(runtime: Runtime): TlsStarter {
  let loaded: Promise<TlsStarter> | null = null;
  return async (connection, options) => {
    loaded ??= import("./start_tls.ts").then(({ serverStarter }) => serverStarter(runtime));
    return (await loaded)(connection, options);
  };
}
