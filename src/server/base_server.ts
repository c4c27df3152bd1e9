/**
 * A running server, and the order in which any server stops.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { errorMessage } from "../connection/errors.ts";
import type { EventSink } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { Tls } from "../tls/tls_engine.ts";
import type { StatusKeeper } from "../status/keeper.ts";
import type { ServerStatus } from "../status/server_status.ts";
import type { About, View } from "../status/view.ts";
import type { ServingSettings } from "../serving/serving_settings.ts";
import { CertificateWatch } from "./certificate_watch.ts";
import { OwnFile } from "./own_file.ts";
import type { Settings } from "./settings.ts";

/** A running server. */
export interface Server<Where extends Address = Address> extends AsyncDisposable {
  /** Where it listens; where that is in several places, the first of them. */
  readonly addr: Where;
  /** All places where it listens. */
  readonly addrs: readonly Address[];
  /**
   * Resolves when the last connection, worker and descriptor is gone; rejects
   * if the server had to give up by itself.
   */
  readonly finished: Promise<void>;
  /**
   * Replaces all workers, one after another, by new ones that load the handler
   * afresh (`thread`, `process`, and `multiplex` with workers). Open connections finish on the old ones, and no
   * client is refused. Resolves when every newcomer gets the new handler; rejects
   * with what is wrong if it does not load, and then the old one goes on. Those that are
   * asked for while one is under way are one, which begins after it. The files that `tls`,
   * `allow` and `deny` name are read again, also where there are no workers; that alone is a
   * reload then, and the handler stays.
   */
  reload(): Promise<void>;
  /**
   * What the server is and does now, as `/status.json` has it. It asks nobody, and
   * waits for nobody.
   * @throws {TypeError} if it was not started with the option `status`
   */
  status(): ServerStatus;
  /**
   * After `drainDelay` refuses newcomers, lets open connections finish. Resolves with
   * `finished`.
   */
  shutdown(): Promise<void>;
  /** Ends everything now. Resolves with `finished`. */
  close(): Promise<void>;
}

/** Milliseconds: how long clients in the kernel's queue may still find a free place. */
export const DRAIN = 100;

/** The order in which any server stops; what differs is left to its subclasses. */
export abstract class BaseServer implements Server {
  abstract readonly addrs: readonly Address[];
  /** The most connections that this process's descriptors allow. */
  abstract readonly room: number;
  /** How workers get their connections, where there are workers. */
  readonly sockets?: "shared" | "handed over";
  readonly finished: Promise<void>;
  protected readonly emit: EventSink;
  readonly #settled = Promise.withResolvers<void>();
  readonly #runtime: Runtime;
  readonly #drainDelay: number;
  readonly #shutdownTimeout: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #files: readonly OwnFile[] = [];
  /** Connections whose end was spread, and whether that was told. */
  #ended = 0;
  #hasTold = false;
  #state: "serving" | "draining" | "shutting down" | "closing" = "serving";
  #failure: Error | null = null;
  #lastReload: Promise<void | "files"> | null = null;
  /** Tells its status, and how to end that. */
  #told: { readonly keeper: StatusKeeper; close(): Promise<void> } | null = null;
  readonly #certificates: CertificateWatch;

  constructor(
    runtime: Runtime,
    settings: Settings,
    emit: EventSink,
  ) {
    this.emit = settings.drainSpread > 0 ? this.#counting(emit) : emit;
    this.#runtime = runtime;
    this.#drainDelay = settings.drainDelay;
    this.#shutdownTimeout = settings.shutdownTimeout;
    this.finished = this.#settled.promise;
    this.#certificates = new CertificateWatch(emit);
  }

  /**
   * Rejects where there is nothing to reload; the same promise for all that are one reload.
   * Resolves with `files` where those are all that is new.
   */
  protected abstract replaceWorkers(): Promise<void | "files">;
  /** Tells everybody; resolves when nobody waits for a place that is free. */
  protected abstract beginShutdown(): Promise<void>;
  /** Newcomers are refused from here on. */
  protected abstract stopListening(): void;
  /** Ends connections and workers now. */
  protected abstract endAll(): void;
  /** Resolves when no connection and no worker is left. */
  protected abstract drained(): Promise<void>;
  /** Gives back what is left. */
  protected abstract release(): void | Promise<void>;
  protected abstract open(): number;
  abstract about(): Omit<About, "handler">;
  protected abstract look(): Omit<View, "stopping" | "certificates">;

  view(): View {
    const certificates = this.#certificates.shown;
    return { ...this.look(), stopping: this.#state !== "serving", certificates };
  }

  /** From here on the server shows these. */
  protected showCertificates(engines: Tls | null, { tls }: ServingSettings): void {
    if (engines) this.#certificates.show(engines, tls);
  }

  /** From here on its status is told, until it has finished. */
  tell(told: { readonly keeper: StatusKeeper; close(): Promise<void> }): void {
    this.#told = told;
  }

  status(): ServerStatus {
    if (this.#told) return this.#told.keeper.status();
    throw new TypeError(
      "Cannot tell the status, for nobody has kept count: serve with { status: true }, or an address",
    );
  }

  get addr(): Address {
    return this.addrs[0];
  }

  /** The files of Unix sockets that it has made. */
  protected rememberFiles(addrs: readonly Address[]): void {
    this.#files = addrs.map((addr) => new OwnFile(this.#runtime, addr));
  }

  protected fail(error: Error): void {
    this.#failure ??= error;
    void this.close().catch(() => {});
  }

  async reload(): Promise<void> {
    const reload = this.replaceWorkers();
    if (reload !== this.#lastReload) {
      this.#lastReload = reload;
      reload.then(
        (only) => this.emit({ type: "reloaded", ...(only ? { only } : {}) }),
        (error) => this.emit({ type: "reload_failed", error: errorMessage(error) }),
      );
    }
    await reload;
  }

  shutdown(): Promise<void> {
    if (this.#state === "serving") {
      if (this.#drainDelay > 0) this.#drain(this.#drainDelay);
      else void this.#shutDown();
    }
    return this.finished;
  }

  /** Whoever sends clients here has the time to see that it is not ready. */
  #drain(milliseconds: number): void {
    this.#state = "draining";
    this.emit({ type: "draining", open: this.open(), milliseconds });
    this.#timer = setTimeout(() => void this.#shutDown(), milliseconds);
  }

  async #shutDown(): Promise<void> {
    this.#state = "shutting down";
    this.emit({ type: "shutdown", open: this.open() });
    // What cannot be done well is done all the same, and `finished` tells.
    await this.beginShutdown().catch((error) => this.#failure ??= error);
    this.#stopListening();
    this.#timer = setTimeout(() => {
      this.#tellEnded(this.open());
      this.endAll();
    }, this.#shutdownTimeout);
    await this.#finish();
  }

  /** Where the end is spread, some are ended before the timeout is over. */
  #counting(emit: EventSink): EventSink {
    return (event) => {
      if (event.type === "closed" && event.reason === "shutdown") this.#ended++;
      emit(event);
    };
  }

  /** @param open how many are ended now */
  #tellEnded(open: number): void {
    const ended = this.#ended + open;
    if (ended > 0 && !this.#hasTold) this.emit({ type: "shutdown_timeout", ended });
    this.#hasTold = true;
  }

  close(): Promise<void> {
    if (this.#state !== "closing") {
      const begins = this.#state !== "shutting down";
      this.#state = "closing";
      this.#stopTimer();
      if (begins) this.emit({ type: "shutdown", open: this.open() });
      this.#stopListening();
      this.endAll();
      if (begins) void this.#finish();
    }
    return this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #stopListening(): void {
    for (const file of this.#files) file.remove();
    this.stopListening();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #finish(): Promise<void> {
    await this.drained();
    this.#certificates.stop();
    if (this.#state === "shutting down") this.#tellEnded(0);
    this.#stopTimer();
    await this.#told?.close();
    await this.release();
    if (this.#failure) this.#settled.reject(this.#failure);
    else this.#settled.resolve();
  }
}
