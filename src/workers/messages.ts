/**
 * What supervisor and worker say to each other.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ModelName } from "../handler/handler.ts";
import type { UntimedEvent } from "../events.ts";
import type { Shares } from "../queue/queue_listener.ts";

/** What a worker is started with. */
export interface WorkerSettings {
  /** Its number, unique for the server's life; connection ids begin with it. */
  readonly number: number;
  readonly kind: "thread" | "process";
  readonly model: ModelName;
  /** The URL of the handler's module. */
  readonly handler: string;
  /** The listening socket's descriptor; none where sockets are handed over. */
  readonly listening?: number;
  /** Where a worker has many connections: how it shares them with the others. */
  readonly shares?: Shares;
  /** A process's own end of the control socket. */
  readonly control?: number;
  /** A process's supervisor, to notice that it is gone. */
  readonly parent?: number;
  /** A thread's shared words, see below. */
  readonly words?: SharedArrayBuffer;
  /** Milliseconds. */
  readonly linger: number;
  /** Milliseconds; 0 for none. */
  readonly idleTimeout: number;
  /** Milliseconds; 0 for none. */
  readonly connectionTimeout: number;
  /** How many connections it serves before it leaves; 0 for no limit. */
  readonly maxConnectionsPerWorker: number;
  /** Whether it asks before it serves a connection. */
  readonly asks: boolean;
  /** Whether `message` events are asked for. */
  readonly messages: boolean;
}

/** Supervisor to worker, each stronger than the one before. */
export type Order = "leave" | "shutdown" | "end";

/** Orders as numbers, for one word or one byte; 0 is none. */
export const ORDERS: readonly (Order | null)[] = [
  null,
  "leave",
  "shutdown",
  "end",
];

/** The answers to `asks`, where they share a byte stream with orders. */
export const ADMITTED = ORDERS.length;
/** The other answer. */
export const REFUSED = ADMITTED + 1;

/** Words of a thread's shared memory: the strongest order so far. */
export const ORDER_WORD = 0;
/** The descriptor that the thread holds, or -1. Who swaps it out closes it. */
export const HELD_WORD = 1;
/** The answer to what the thread asked, or 0 while there is none. */
export const ANSWER_WORD = 2;
/** How many bytes of `message` events the supervisor has not read yet. */
export const UNREAD_WORD = 3;
/** How many words. */
export const WORDS = 4;

/**
 * Worker to supervisor. `accepted` and `closed` events also say that the worker
 * is busy and idle again, so they are never dropped.
 */
export type Message =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "fatal"; readonly message: string }
  /** A thread's connection was ended, and the thread did not leave. */
  | { readonly type: "stuck" }
  /** A rejection that nobody handled, after its connection had ended. */
  | { readonly type: "unhandled"; readonly message: string }
  /** May this client be served? The worker waits for the answer. */
  | { readonly type: "asks"; readonly remoteAddr: Address }
  /** The client that was handed over has left meanwhile. */
  | { readonly type: "vanished" }
  /** The next connection is its last; a successor may start. */
  | { readonly type: "leaving" }
  | { readonly type: "event"; readonly event: UntimedEvent };

/** How many bytes of `message` events may wait for a slow supervisor. */
export const MESSAGE_BACKLOG = 1 << 20;
