/**
 * What the command and its load generator, a thread, say to each other.
 * @module
 */
import type { TcpAddress } from "../connection/connection.ts";
import type { HistogramData } from "./statistics.ts";

/** What the clients do. */
export type Load =
  /** Send a message, wait for it to come back, and again. */
  | "message"
  /** Send as fast as the server takes it. */
  | "stream"
  /** Connect, one message, `bye`, wait for the close, and again. */
  | "connect"
  /** One message each, then silence. */
  | "idle";

/** A run of the load generator. */
export interface LoadTask {
  readonly load: Load;
  readonly address: TcpAddress;
  /** How many at once. */
  readonly connections: number;
  /** Bytes of a message, or of a write. */
  readonly size: number;
  /** Milliseconds before what counts. */
  readonly warmup: number;
  /** Milliseconds that count. */
  readonly duration: number;
  /** Two words of shared memory, see below. */
  readonly control: SharedArrayBuffer;
}

/** The word that ends a run at once, when it is not 0. */
export const STOP = 0;
/** The word that lets the connections go that are held after a run, when it is not 0. */
export const RELEASE = 1;

/** A failure of a connection that was still to be used. */
export const CLOSED_EARLY = "the server closed a connection early";

/** What came of it. */
export interface LoadResult {
  /** How long it was measured. */
  readonly milliseconds: number;
  /** Clients that were connected. */
  readonly connected: number;
  /** Messages that came back (message), connections that were served (connect, idle). */
  readonly count: number;
  /** Bytes that came back in that time. */
  readonly bytes: number;
  /** From sending to the whole answer; connect: from connecting. */
  readonly latency: HistogramData;
  /** Of one connection: the fewest and the most messages, or bytes where it streams. */
  readonly fewest: number;
  readonly most: number;
  /** Clients that are there at the end and have had an answer. */
  readonly answered: number;
  /** Connections that got nothing back. */
  readonly unserved: number;
  /** Connections on which wrong bytes came, and what was wrong with the first. */
  readonly wrong: number;
  readonly firstWrong: string | null;
  /** What else failed, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** The part of the time in which the load generator had the processor. */
  readonly busy: number;
}

/** What the load generator tells, in this order. */
export type LoadMessage =
  /** It listens: what it was sent before is lost on Deno (2.9, see load_thread.ts). */
  | { readonly type: "ready" }
  | { readonly type: "warming" }
  | { readonly type: "measuring" }
  | { readonly type: "measured" }
  | { readonly type: "holding" }
  | { readonly type: "result"; readonly result: LoadResult }
  | { readonly type: "failed"; readonly error: string };
