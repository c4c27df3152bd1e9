/**
 * A worker's way to its supervisor and to its clients, seen from inside.
 * @module
 */
import type { Activity } from "../connection/activity.ts";
import type { Address } from "../connection/connection.ts";
import type { UntimedEvent } from "../events.ts";
import type { WorkerName } from "../handler/handler.ts";
import { ignoreUserSignals } from "../posix/user_signals.ts";
import type { Runtime } from "../runtime.ts";
import type { Source } from "../serving/connections.ts";
import { encodeMessage } from "./encoding.ts";
import type { Message, Order } from "./messages.ts";

/** What gives a worker its connections. */
export interface WorkerListener extends Source {
  /** Gives no more: a pending `accept` has null. */
  close?(): void;
}

/** A worker's way to its supervisor. */
export interface Channel {
  /** Its `id` is 0 until a fork has become a process of its own. */
  readonly name: WorkerName;
  /** How many connections the worker has at once. */
  readonly each: "one" | "many";
  /** Says something; `message` events may be left out when nobody reads. */
  send(message: Message): void;
  /** Where what is said may have to wait: waits until all of it is taken. */
  flush?(): void;
  /** The strongest order so far, looked up without the event loop. */
  look(): Order | null;
  /** Orders that come while the event loop runs; a blocking handler lets it run seldom. */
  onOrder(listener: (order: Order) => void, blocking: boolean): void;
  /** Asks whether a client may be served, and waits for the answer. */
  ask(remoteAddr: Address): boolean;
  /** The same of a client that was handed over, once it is known from where it comes. */
  askLater?(remoteAddr: Address): Promise<boolean>;
  /** What gives this worker its connections, until it shall leave. */
  listen(blocking: boolean, activity?: Activity): WorkerListener;
  /**
   * Forked workers only: calls `listener` when a handler has given up the thread, to wait
   * for something else than its connection.
   */
  onGiveUp?(listener: () => void): void;
  /** Ends the worker. */
  end(): void;
}

/** How many bytes of `message` events may wait for a slow supervisor. */
export const MESSAGE_BACKLOG = 1 << 20;

/** Counts the `message` events that were left out. */
export class Dropped {
  #count = 0;

  add(): void {
    this.#count++;
  }

  /** What to say of those since the last report, encoded; nothing if there were none. */
  report(): string {
    if (this.#count === 0) return "";
    const event: UntimedEvent = { type: "dropped", count: this.#count };
    this.#count = 0;
    return encodeMessage({ type: "event", event });
  }
}

/**
 * Ctrl-C reaches the whole foreground group, systemd's SIGTERM the whole
 * service; only the supervisor decides. A listener, not SIG_IGN, which what a
 * handler starts would inherit.
 */
export function ignoreStopSignals(runtime: Runtime): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    runtime.onSignal(signal, () => {});
  }
  ignoreUserSignals(runtime);
}
