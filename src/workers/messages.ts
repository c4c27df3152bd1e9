/**
 * What supervisor and worker say to each other, whatever the way.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ConnectionDoing } from "../connection/socket.ts";
import type { ErrorReport } from "../connection/error_report.ts";
import type { UntimedEvent } from "../events.ts";

/** What a worker with an event loop tells of it. */
export interface LoopReport {
  /** The part of the time since the last one in which the loop did not wait; null: not known. */
  readonly busy: number | null;
  /** Milliseconds by which the timer for this was late. */
  readonly delay: number;
  /** Connections that have changed: id, what it does, bytes in, bytes out. */
  readonly connections: readonly (readonly [string, ConnectionDoing, number, number])[];
}

/** Supervisor to worker, each stronger than the one before. */
export type Order = "leave" | "shutdown" | "end";

/**
 * Worker to supervisor. `accepted` and `closed` events also say that the worker
 * is busy and idle again, so they are never dropped. Most workers have a ring for them
 * (`status/event_ring.ts`), and send what that cannot hold; `nth` orders `ready`, events, `taken`
 * and `vanished` with the records of the ring.
 */
export type Message =
  & { readonly nth?: number }
  & (
    /** A stopgap was started to be forked and is not; so it is slower than others would be. */
    | { readonly type: "ready"; readonly how?: "forked" | "stopgap" }
    | { readonly type: "failed"; readonly message: string }
    | { readonly type: "fatal"; readonly message: string }
    /** A thread's connection was ended, and the thread did not leave. */
    | { readonly type: "stuck" }
    /** A rejection that nobody handled, after its connection had ended. */
    | { readonly type: "unhandled" } & ErrorReport
    /** May this client be served? The worker waits for the answer. */
    | { readonly type: "asks"; readonly remoteAddr: Address }
    /** There is something in its ring, and nobody looks. */
    | { readonly type: "look" }
    /** It has a client that its handler does not have yet. */
    | { readonly type: "taken" }
    /** That client, or the one that was handed over, has left meanwhile. */
    | { readonly type: "vanished" }
    /** What an event loop and its connections do, once a second if it is asked for. */
    | { readonly type: "report" } & LoopReport
    /** A forked worker's handler waits for something else than its connection. */
    | { readonly type: "gave up" }
    /** The next connection is its last; a successor may start. */
    | { readonly type: "leaving" }
    | { readonly type: "event"; readonly event: UntimedEvent }
  );

/** What only a process that forks workers says, see template.ts, and what it has forked. */
export type TemplateMessage =
  /** It has loaded the handler, and waits for orders. */
  | { readonly type: "template" }
  /** A fork's own word, its first: this is its PID. */
  | { readonly type: "forked"; readonly pid: number }
  /** How the worker of this number has ended, as the template or, lest that is gone, it tells itself. */
  | { readonly type: "ended"; readonly number: number; readonly reason: string };

/** What comes over a control socket. */
export type ProcessMessage = Message | TemplateMessage;

/** Whether it may be left out when nobody reads: what was said, and not what happened. */
export function isOptional(message: ProcessMessage): boolean {
  return message.type === "event" && message.event.type === "message";
}

/** Whether only a template or its forks say this. */
export function isTemplates(message: { readonly type: string }): message is TemplateMessage {
  return ["template", "forked", "ended"].includes(message.type);
}
