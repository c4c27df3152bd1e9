/**
 * Messages as text, orders and answers as numbers: the same for all ways to talk.
 * @module
 */
import type { Message, Order, ProcessMessage } from "./messages.ts";

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

/** Words of an order to a template: what, and a worker's number. */
export const TEMPLATE_ORDER_WORDS = 2;
/** To fork a worker of this number, which gets both descriptors that come with the order. */
export const FORK = 1;
/** To end the worker of this number, if it has not ended. */
export const KILL = 2;
/** The same, and to tell how it has ended. */
export const REAP = 3;

/**
 * A message as one line; bytes become an array of numbers. From threads, too: to
 * clone an object costs Deno 1.6 and Bun 2.2 times what its text does (2.9, 1.4).
 */
export function encodeMessage(message: ProcessMessage): string {
  const { type, event } = message as Extract<Message, { type: "event" }>;
  const plain = type === "event" && event.type === "message"
    ? { type, event: { ...event, bytes: Array.from(event.bytes) } }
    : message;
  return JSON.stringify(plain) + "\n";
}

/** A message; null for anything else, because a handler can write to the channel too. */
export function decodeMessage<M extends ProcessMessage = Message>(line: unknown): M | null {
  if (typeof line !== "string") return null;
  try {
    const message = JSON.parse(line);
    const { type, event } = message;
    if (type !== "event") return typeof type === "string" ? message : null;
    if (event.type === "message") event.bytes = Uint8Array.from(event.bytes);
    return typeof event.type === "string" ? message : null;
  } catch {
    return null;
  }
}
