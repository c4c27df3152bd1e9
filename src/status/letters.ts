/**
 * The scoreboard as a line of letters, one for each place.
 * @module
 */
import type { ConnectionState, ConnectionStatus, WorkerStatus } from "./server_status.ts";

/** What each letter means, for people; in the order in which they are explained. */
export const LETTERS = {
  ".": "nobody is there",
  S: "a worker starts",
  _: "waits for a client",
  R: "waits for its client to say something",
  W: "waits for its client to read",
  H: "in the handler",
  C: "handler ended, waits for its client to close",
  D: "drains: the worker or the server leaves",
  X: "stuck: says nothing, or does not leave",
  "?": "not told yet",
} as const;

/** One of them. */
export type Letter = keyof typeof LETTERS;

const OF_CONNECTION: Record<ConnectionState, Letter> = {
  reads: "R",
  writes: "W",
  handler: "H",
  lingers: "C",
  drains: "D",
  stuck: "X",
};

/** A connection's letter. */
export function connectionLetter({ state }: Pick<ConnectionStatus, "state">): Letter {
  return state === null ? "?" : OF_CONNECTION[state];
}

/** The letter of a worker with one connection at a time. */
export function workerLetter(
  { state }: Pick<WorkerStatus, "state">,
  connection: Pick<ConnectionStatus, "state"> | undefined,
): Letter {
  if (state === "stuck") return "X";
  if (state === "starting") return "S";
  if (state === "leaving") return "D";
  if (connection) return connectionLetter(connection);
  return state === "idle" ? "_" : "?";
}
