/**
 * A socket of a runtime that pushes what comes, behind calls that ask for it.
 * @module
 */
import { acknowledged } from "../connection/acknowledged.ts";
import type { Address } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import { errorCode, refusal } from "../connection/errors.ts";
import type { Socket } from "../connection/socket.ts";
import { delivered, unacknowledged } from "./send_queue.ts";

/** Bytes that may wait for a read before the runtime is told to stop reading. */
const LARGEST_QUEUE = 65536;
/**
 * After so many bytes at once there are more, and Node reads on 32 times before
 * another connection has its turn (26.10), Bun about as often (1.4): with eight
 * that stream, a ninth client waited 85 ms for each answer on Node, 200 on Bun.
 */
const FULL_READ = 65536;

/** Milliseconds that written bytes have to come to the peer where nothing tells of them. */
const ON_ITS_WAY = 200;

/** A read or a write that waits. */
interface Call<T> {
  readonly bytes: Uint8Array;
  resolve(result: T): void;
  reject(error: Error): void;
}

/** A runtime's own socket, which can be told to read or not to. */
interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * The socket. It is told what came, and stops the runtime's reading while nobody
 * asks for more. Whoever extends it knows how to write and to close.
 */
export abstract class PushSocket<Native extends Pausable> implements Socket {
  abstract readonly localAddr: Address;
  abstract readonly remoteAddr: Address;
  /** The runtime's own. */
  protected readonly socket: Native;
  /** Why no more can be read or written. */
  protected error: Error | null = null;
  #queue: Uint8Array[] | null = null;
  #size = 0;
  #ended = false;
  #reader: Call<number | null> | null = null;
  #writer: Call<number> | null = null;
  #onGone: ((isReset: boolean) => void) | null = null;
  /** Whether anything was written. */
  protected wrote = false;
  #flowing: boolean;
  #givingWay = false;

  /** @param flowing whether the runtime may read already */
  constructor(socket: Native, flowing: boolean) {
    this.socket = socket;
    this.#flowing = flowing;
    if (!flowing) socket.pause();
  }

  abstract write(bytes: Uint8Array): number | Promise<number>;
  abstract closeWrite(): void | Promise<void>;
  abstract close(): void;
  /** Its number; negative when it is closed, undefined where it is not told. */
  protected abstract get descriptor(): number | undefined;
  /** Closes it with RST. */
  protected abstract resetNow(): void;

  read(buffer: Uint8Array): number | null | Promise<number | null> {
    // What came before a reset is delivered first.
    if (this.#size > 0) return this.#take(buffer);
    // Node closes after both FINs, also where what came before is not read yet (26.10).
    if (this.#ended) return null;
    if (this.error) throw this.error;
    return new Promise((resolve, reject) => {
      this.#reader = { bytes: buffer, resolve, reject };
      this.#demand();
    });
  }

  async reset(linger: number): Promise<void> {
    const isBroken = this.error !== null;
    this.failed(refusal("EBADF"));
    if (!isBroken && linger > 0 && this.wrote) await this.#arrived(linger);
    this.resetNow();
  }

  async #arrived(linger: number): Promise<void> {
    if (unacknowledged(this.descriptor) === null) return await delay(Math.min(linger, ON_ITS_WAY));
    await acknowledged(() => unacknowledged(this.descriptor) ?? 0, linger);
  }

  delivered(): number | null {
    return delivered(this.descriptor);
  }

  onGone(listener: (isReset: boolean) => void): void {
    if (this.error) return listener(this.#isReset);
    this.#onGone = listener;
    this.#demand(); // a runtime that does not read does not see a reset
  }

  /** Lets the runtime read, unless it is another connection's turn. */
  #demand(): void {
    if (this.#flowing || this.#givingWay) return;
    this.#flowing = true;
    this.socket.resume();
  }

  #stopReading(): void {
    if (!this.#flowing) return;
    this.#flowing = false;
    this.socket.pause();
  }

  /** Reads on when all others have had their turn. */
  #giveWay(): void {
    this.#givingWay = true;
    this.#stopReading();
    setImmediate(() => {
      this.#givingWay = false;
      if (this.#reader || this.#mayReadAhead) this.#demand();
    });
  }

  /** Node says of a good end too that the socket is closed. */
  get #isReset(): boolean {
    return this.error !== null && errorCode(this.error) !== "EBADF";
  }

  get #mayReadAhead(): boolean {
    return this.#onGone !== null && this.#size < LARGEST_QUEUE;
  }

  /** Nothing can be read or written any more. */
  protected gone(): void {
    this.#onGone?.(this.#isReset);
    this.#onGone = null;
  }

  /** The runtime has read these bytes, and does not use them again. */
  received(chunk: Uint8Array): void {
    if (chunk.length >= FULL_READ && !this.#givingWay) this.#giveWay();
    const reader = this.#reader;
    if (reader === null) return this.#keep(chunk);
    this.#reader = null;
    const buffer = reader.bytes;
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
    this.notWritten(this.error);
    this.gone();
  }

  /** For a write that the runtime has no room for: the promise of it. */
  protected waitToWrite(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => this.#writer = { bytes, resolve, reject });
  }

  /** The bytes of the write that waits; null if none does. */
  protected get unwritten(): Uint8Array | null {
    return this.#writer?.bytes ?? null;
  }

  /** The write that waits, if any, is done: so many of its bytes are taken. */
  protected written(length: number): void {
    this.#writer?.resolve(length);
    this.#writer = null;
  }

  /** The write that waits, if any, has failed. */
  protected notWritten(error: Error): void {
    this.#writer?.reject(error);
    this.#writer = null;
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
    if (this.#mayReadAhead) this.#demand();
    return length;
  }
}
