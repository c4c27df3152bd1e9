/**
 * Runtimes that push what comes, behind calls that ask for it.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { Socket } from "../connection/socket_connection.ts";

/** Bytes that may wait for a read before the runtime is told to stop reading. */
const LARGEST_QUEUE = 65536;
/**
 * After so many bytes at once there are more, and Node reads on 32 times before
 * another connection has its turn (26.10), Bun about as often (1.4): with eight
 * that stream, a ninth client waited 85 ms for each answer on Node, 200 on Bun.
 */
const FULL_READ = 65536;

interface Reader {
  readonly buffer: Uint8Array;
  resolve(length: number | null): void;
  reject(error: Error): void;
}

/** A socket that the runtime tells what came; it stops reading while nobody asks. */
export abstract class PushSocket implements Socket {
  abstract readonly localAddr: Address;
  abstract readonly remoteAddr: Address;
  /** Why no more can be read or written. */
  protected error: Error | null = null;
  #queue: Uint8Array[] | null = null;
  #size = 0;
  #ended = false;
  #reader: Reader | null = null;
  #flowing: boolean;
  #givingWay = false;

  /** @param flowing whether the runtime reads already */
  constructor(flowing: boolean) {
    this.#flowing = flowing;
  }

  abstract write(bytes: Uint8Array): number | Promise<number>;
  abstract closeWrite(): void | Promise<void>;
  abstract close(): void;
  /** Tells the runtime to read, or not to. */
  protected abstract flow(on: boolean): void;

  read(buffer: Uint8Array): number | null | Promise<number | null> {
    // What came before a reset is delivered first.
    if (this.#size > 0) return this.#take(buffer);
    if (this.error) throw this.error;
    if (this.#ended) return null;
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#demand();
    });
  }

  /** Lets the runtime read, unless it is another connection's turn. */
  #demand(): void {
    if (this.#flowing || this.#givingWay) return;
    this.#flowing = true;
    this.flow(true);
  }

  #stopReading(): void {
    if (!this.#flowing) return;
    this.#flowing = false;
    this.flow(false);
  }

  /** Reads on when all others have had their turn. */
  #giveWay(): void {
    this.#givingWay = true;
    this.#stopReading();
    setImmediate(() => {
      this.#givingWay = false;
      if (this.#reader) this.#demand();
    });
  }

  /** The runtime has read this; it is not used again. */
  received(chunk: Uint8Array): void {
    if (chunk.length >= FULL_READ && !this.#givingWay) this.#giveWay();
    const reader = this.#reader;
    if (reader === null) return this.#keep(chunk);
    this.#reader = null;
    const { buffer } = reader;
    if (chunk.length <= buffer.length) {
      buffer.set(chunk);
      return reader.resolve(chunk.length);
    }
    buffer.set(chunk.subarray(0, buffer.length));
    this.#keep(chunk.subarray(buffer.length));
    reader.resolve(buffer.length);
  }

  /** The peer has sent FIN. */
  ended(): void {
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#reader = null;
  }

  /** The connection is broken, or closed. */
  failed(error: Error): void {
    this.error ??= error;
    this.#reader?.reject(this.error);
    this.#reader = null;
  }

  #keep(chunk: Uint8Array): void {
    (this.#queue ??= []).push(chunk);
    this.#size += chunk.length;
    if (this.#size >= LARGEST_QUEUE) this.#stopReading();
  }

  #take(buffer: Uint8Array): number {
    const queue = this.#queue!;
    const chunk = queue[0];
    const length = Math.min(chunk.length, buffer.length);
    buffer.set(length < chunk.length ? chunk.subarray(0, length) : chunk);
    if (length < chunk.length) queue[0] = chunk.subarray(length);
    else queue.shift();
    this.#size -= length;
    return length;
  }
}

/** Connections that the runtime pushes, until `accept` asks for them. */
export class AcceptQueue<T> {
  /** Told of clients that were closed because too few descriptors are left. */
  onRefused?: (remoteAddr: Address) => void;
  readonly #waiting: T[] = [];
  #asked: PromiseWithResolvers<T | null> | null = null;
  #failure: Error | null = null;
  #closed = false;

  /** How many wait to be asked for. */
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

  /** One has come. */
  push(item: T): void {
    if (this.#asked) {
      this.#asked.resolve(item);
      this.#asked = null;
    } else this.#waiting.push(item);
  }

  /** The runtime could not accept one. */
  fail(error: Error): void {
    if (this.#asked) {
      this.#asked.reject(error);
      this.#asked = null;
    } else this.#failure = error;
  }

  /** Ends it; returns who still waited and will not be asked for. */
  close(): T[] {
    this.#closed = true;
    this.#asked?.resolve(null);
    this.#asked = null;
    return this.#waiting.splice(0);
  }
}
