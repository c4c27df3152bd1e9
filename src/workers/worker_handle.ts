/**
 * A worker as its supervisor sees it, thread and process alike.
 * @module
 */
import type { WorkerName } from "../handler/handler.ts";
import type { HandedSocket } from "../runtime.ts";
import type { Message, Order } from "./messages.ts";

/** What the supervisor can do with a worker. */
export interface WorkerHandle {
  /** Its name in events. */
  readonly name: WorkerName;
  /** Tells it something; it obeys as soon as it looks. */
  order(order: Order): void;
  /** Answers what it asked: whether it may serve its client. */
  answer(admitted: boolean): void;
  /** Hands it a connection; only where sockets are handed over. */
  give?(socket: HandedSocket): void;
  /** Ends its connection from outside and, in the end, the worker. */
  kill(): void;
}

/** Told of what a worker says and of its end. */
export interface WorkerListeners {
  onMessage(message: Message): void;
  /** Called once; nothing of the worker is left then. With why, if it could not even be begun. */
  onExit(reason: string, notStarted?: Error): void;
}

/**
 * Starts workers of one kind.
 * @param afresh with the handler's module as it is now, and so do all that are started
 * after this one was ready
 */
export type StartWorker = (
  number: number,
  listeners: WorkerListeners,
  afresh?: boolean,
) => WorkerHandle;
