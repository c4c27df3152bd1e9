/**
 * What is read of one connection: one read at a time, and each sees how it ended.
 * @module
 */
import type { ConnectionEnd } from "./connection_end.ts";
import { ignore, refusal, rejected } from "./errors.ts";
import { joined } from "./pieces.ts";
import type { Socket } from "./socket.ts";
import type { Writer } from "./writer.ts";

/** The reading half of a connection. */
export class Reader {
  /** What it is of, which a layer replaces. */
  socket: Socket;
  /** Bytes that `read` has returned. */
  bytes = 0;
  /** Told of the bytes of each read; set only where somebody asked for them. */
  onMessage: ((bytes: Uint8Array) => void) | null = null;
  /** The read under way; null when there is none. */
  reading: Promise<number | null> | null = null;
  /** Whether the peer has sent all. */
  ended = false;
  /** With what a read has failed. */
  error: Error | null = null;
  /** Whether nobody may read any more, but to discard. */
  finishing = false;
  /** Read by somebody else, and not taken. */
  unread: Uint8Array | null = null;
  readonly #end: ConnectionEnd;
  readonly #writer: Writer;
  readonly #toSystemError: (error: unknown) => Error;
  #buffer: Uint8Array | null = null;

  constructor(
    socket: Socket,
    end: ConnectionEnd,
    writer: Writer,
    toSystemError: (error: unknown) => Error,
  ) {
    this.socket = socket;
    this.#end = end;
    this.#writer = writer;
    this.#toSystemError = toSystemError;
  }

  /** See `SocketConnection.handOn`. */
  handOn(unread: Uint8Array): void {
    this.bytes -= unread.length;
    if (unread.length === 0) return;
    this.unread = this.unread === null ? unread : joined([unread, this.unread]);
  }

  /** See `Connection.read`. */
  read(buffer: Uint8Array): Promise<number | null> {
    if (!(buffer instanceof Uint8Array)) {
      return Promise.reject(new TypeError("Cannot read into anything but a Uint8Array"));
    }
    if (this.#end.by) return this.#readAfterEnd(null);
    if (this.finishing) return Promise.reject(refusal("EBADF"));
    if (buffer.length === 0) {
      return Promise.reject(new RangeError("Cannot read into a buffer of length 0"));
    }
    if (this.reading) this.#end.misused("EBUSY");
    if (this.unread !== null) return this.#takeUnread(this.unread, buffer);
    if (this.ended || this.error) return this.#readAfterEnd(this.error);
    let result;
    try {
      result = this.socket.read(buffer);
    } catch (error) {
      return Promise.reject(this.failed(error));
    }
    if (result === null || typeof result === "number") {
      return Promise.resolve(this.#didRead(result, buffer));
    }
    this.#buffer = buffer;
    return this.reading = result.then(this.#onRead, this.#onReadError);
  }

  #readAfterEnd(error: Error | null): Promise<null> {
    const turn = this.#end.readInVain();
    return turn ? turn.then(() => this.#afterEnd(error)) : this.#afterEnd(error);
  }

  #afterEnd(error: Error | null): Promise<null> {
    if (this.#end.by) return rejected(refusal(this.#end.by));
    return error ? rejected(error) : Promise.resolve(null);
  }

  #takeUnread(unread: Uint8Array, buffer: Uint8Array): Promise<number> {
    const length = Math.min(unread.length, buffer.length);
    buffer.set(unread.subarray(0, length));
    this.unread = length < unread.length ? unread.subarray(length) : null;
    this.#didRead(length, buffer);
    return Promise.resolve(length);
  }

  // Made once for the connection, not once for each read.
  #onRead = (length: number | null): number | null => {
    if (this.#end.by) this.#onReadError(null);
    this.reading = null;
    this.#writer.gaveWay();
    return this.#didRead(length, this.#buffer!);
  };

  #onReadError = (error: unknown): never => {
    this.reading?.catch(ignore); // a handler that has left may not await it
    this.reading = null;
    throw this.failed(error);
  };

  #didRead(length: number | null, buffer: Uint8Array): number | null {
    if (length === null) {
      this.ended = true;
      return null;
    }
    this.bytes += length;
    this.#end.idleTimer?.moved();
    if (this.onMessage) this.onMessage(buffer.subarray(0, length));
    return length;
  }

  /** A read, or what waits for one, has failed. */
  failed(error: unknown): Error {
    if (this.#end.by) return refusal(this.#end.by);
    this.error = this.#toSystemError(error);
    this.#end.failed(this.error);
    return this.error;
  }
}
