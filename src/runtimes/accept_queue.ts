/**
 * Runtimes that accept on their own, behind an `accept` that asks for the next client.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";

/** Descriptors that a loop which accepts on its own leaves. */
const LAST_DESCRIPTORS = 16;

/**
 * The first of the last descriptors: the kernel gives the lowest that is free, so
 * whoever gets this one or a later one has used up all others. A loop that cannot
 * be told to stop accepting must not meet EMFILE: Bun's then spins (1.4), Node's
 * closes clients and does not tell (26).
 * @param limit how many descriptors this process may have; null if that is not known
 */
export function firstOfLast(limit: number | null): number {
  return (limit ?? Infinity) - LAST_DESCRIPTORS;
}

/** Connections that the runtime pushes, until `accept` asks for them. */
export class AcceptQueue<T> {
  /** Told of each client that was closed because too few descriptors are left. */
  onRefused?: (remoteAddr: Address) => void;
  readonly #waiting: T[] = [];
  #asked: PromiseWithResolvers<T | null> | null = null;
  #failure: Error | null = null;
  #closed = false;

  /** How many wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Whether somebody is waiting for the next one. */
  get asked(): boolean {
    return this.#asked !== null;
  }

  /** The next one, or null once it is closed. Rejects with an error of `accept`. */
  accept(): Promise<T | null> {
    if (this.#waiting.length > 0) return Promise.resolve(this.#waiting.shift()!);
    if (this.#closed) return Promise.resolve(null);
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = null;
      return Promise.reject(failure);
    }
    if (this.#asked) {
      return Promise.reject(new SystemError("EBUSY", "Another accept is pending on this listener"));
    }
    this.#asked = Promise.withResolvers();
    return this.#asked.promise;
  }

  /** A connection has come. */
  push(item: T): void {
    if (this.#asked) {
      this.#asked.resolve(item);
      this.#asked = null;
    } else this.#waiting.push(item);
  }

  /** The runtime could not accept a connection. */
  fail(error: Error): void {
    if (this.#asked) {
      this.#asked.reject(error);
      this.#asked = null;
    } else this.#failure = error;
  }

  /**
   * Ends it; returns those that still wait and that nobody will ask for.
   * @param serves whether they are asked for
   */
  close(serves = false): T[] {
    this.#closed = true;
    this.#asked?.resolve(null);
    this.#asked = null;
    return serves ? [] : this.#waiting.splice(0);
  }
}
