/**
 * A running server, and the order in which any server stops.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { errorMessage } from "../connection/errors.ts";
import type { UntimedEvent } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { Settings } from "./settings.ts";

/** A running server. */
export interface Server<Where extends Address = Address> extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Where;
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
   * asked for while one is under way are one, which begins after it.
   */
  reload(): Promise<void>;
  /** Refuses newcomers, lets open connections finish. Resolves with `finished`. */
  shutdown(): Promise<void>;
  /** Ends everything now. Resolves with `finished`. */
  close(): Promise<void>;
}

/** Milliseconds: how long clients in the kernel's queue may still find a free place. */
export const DRAIN = 100;

/** The order in which any server stops; what differs is left to its subclasses. */
export abstract class BaseServer implements Server {
  abstract readonly addr: Address;
  /** The most connections that this process's descriptors allow. */
  abstract readonly room: number;
  /** How workers get their connections, where there are workers. */
  readonly sockets?: "shared" | "handed over";
  readonly finished: Promise<void>;
  protected readonly emit: (event: UntimedEvent) => void;
  readonly #settled = Promise.withResolvers<void>();
  readonly #runtime: Runtime;
  readonly #shutdownTimeout: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #file: { path: string; inode: number } | null = null;
  #state: "serving" | "shutting down" | "closing" = "serving";
  #failure: Error | null = null;
  #lastReload: Promise<void> | null = null;

  constructor(
    runtime: Runtime,
    settings: Settings,
    emit: (event: UntimedEvent) => void,
  ) {
    this.emit = emit;
    this.#runtime = runtime;
    this.#shutdownTimeout = settings.shutdownTimeout;
    this.finished = this.#settled.promise;
  }

  /** Rejects where there are no workers; the same promise for all that are one reload. */
  protected abstract replaceWorkers(): Promise<void>;
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

  async reload(): Promise<void> {
    const reload = this.replaceWorkers();
    if (reload !== this.#lastReload) {
      this.#lastReload = reload;
      reload.then(
        () => this.emit({ type: "reloaded" }),
        (error) => this.emit({ type: "reload_failed", error: errorMessage(error) }),
      );
    }
    await reload;
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
    // What cannot be done well is done all the same, and `finished` tells.
    await this.beginShutdown().catch((error) => this.#failure ??= error);
    this.#stopListening();
    this.#timer = setTimeout(() => {
      const ended = this.open();
      if (ended > 0) this.emit({ type: "shutdown_timeout", ended });
      this.endAll();
    }, this.#shutdownTimeout);
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
    await this.release();
    if (this.#failure) this.#settled.reject(this.#failure);
    else this.#settled.resolve();
  }
}
