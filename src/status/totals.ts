/**
 * Counts of what has happened, each of which only grows.
 * @module
 */
import type { CloseReason, RefusalReason } from "../events.ts";

/** Kestrel's buckets, in seconds, and three for streams that stay: half an hour, two, a day. */
export const BUCKETS: readonly number[] = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
  ...[1800, 7200, 86400],
];

/** Kinds of one sort; further ones are counted as `other`: a handler may make up a new code each time. */
const MOST_KINDS = 32;

/** Counts by kind. */
export class Kinds<Kind extends string = string> {
  readonly #counts = new Map<string, number>();

  /** @param kinds those that are there from the start, with 0 */
  constructor(...kinds: Kind[]) {
    for (const kind of kinds) this.#counts.set(kind, 0);
  }

  /** Counts some more. */
  add(kind: Kind | "other", count = 1): void {
    const known = this.#counts.get(kind);
    if (known === undefined && this.#counts.size >= MOST_KINDS) kind = "other";
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  /** All together. */
  get sum(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }

  /** By kind, as they are now. */
  get all(): Record<Kind, number> {
    return Object.fromEntries(this.#counts) as Record<Kind, number>;
  }
}

/** How long connections were open. */
export class Durations {
  readonly counts: number[] = new Array(BUCKETS.length + 1).fill(0);
  /** Milliseconds, all together. */
  sum = 0;

  /** Counts one. */
  add(milliseconds: number): void {
    this.sum += milliseconds;
    const at = BUCKETS.findIndex((bucket) => milliseconds <= bucket * 1000);
    this.counts[at < 0 ? BUCKETS.length : at]++;
  }
}

/** All counts of a server. */
export class Totals {
  accepted = 0;
  closed = 0;
  probes = 0;
  readonly closedBy = new Kinds<CloseReason>("handler", "error", "timeout", "shutdown", "worker");
  readonly refused = new Kinds<RefusalReason>(
    ...["connections", "source", "descriptors"] as const,
    ...["denied", "proxy_untrusted", "proxy_header", "proxy_timeout"] as const,
    ...["tls_none", "tls_handshake", "tls_timeout", "tls_certificate"] as const,
  );
  readonly errors = new Kinds();
  readonly acceptErrors = new Kinds();
  /** Of connections that have ended. */
  bytesRead = 0;
  bytesWritten = 0;
  workersStarted = 0;
  readonly workersExited = new Kinds();
  readonly reloads = new Kinds<"done" | "failed">("done", "failed");
  unhandled = 0;
  readonly durations = new Durations();
}

/**
 * How a worker has ended, as one of few words: `exit`, a signal, `exit code`, `memory`
 * or `other`. The event has all that is known.
 */
export function exitKind(reason: string): string {
  if (reason === "exit" || /^SIG[A-Z0-9]+$/.test(reason)) return reason;
  if (/^exit code/.test(reason)) return "exit code";
  return /\bMiB\b|memory/.test(reason) ? "memory" : "other";
}

/** An error's code, where it is one of the system's. */
export function errorKind(code: string | undefined): string {
  return code !== undefined && /^E[A-Z0-9_]{1,30}$/.test(code) ? code : "other";
}
