/**
 * What a run of the load generator counts.
 * @module
 */
import { Histogram } from "./statistics.ts";

/** Failures in a row after which a server is given up. */
const TOO_MANY_FAILURES = 200;

/** The counts, from the first connection on. */
export class Tally {
  /** From sending to the whole answer. */
  readonly latency = new Histogram();
  /** Connections that were made. */
  connected = 0;
  /** Clients that have a connection, and those of them that have had an answer. */
  alive = 0;
  answered = 0;
  /** When a client had its first answer, the latest of them. */
  latestFirst: number;
  /** Messages, or connections under `connect`, and bytes, in the time that counts. */
  count = 0;
  bytes = 0;
  /** Connections on which wrong bytes came, and what was wrong with the first. */
  wrong = 0;
  firstWrong: string | null = null;
  /** What else failed, and how often. */
  readonly failures: Record<string, number> = {};
  /** Failures since the latest answer. */
  failuresInRow = 0;

  /** @param now on the load generator's clock */
  constructor(now: number) {
    this.latestFirst = now;
  }

  /** Counts a failure; says whether the server is to be given up. */
  failed(why: string): boolean {
    this.failures[why] = (this.failures[why] ?? 0) + 1;
    return ++this.failuresInRow === TOO_MANY_FAILURES;
  }
}
