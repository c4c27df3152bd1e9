/**
 * The contract of {@linkcode Connection}, kept once for all runtimes and both
 * ways of waiting, over the little that a socket must be able to do.
 * @module
 */
import type { Address, Connection } from "./connection.ts";
import { errorCode, refusal, SystemError } from "./errors.ts";

/**
 * A connected socket, of an event loop or blocking. What it returns is a plain
 * value where the call is done when it returns. Errors have a POSIX `code`.
 */
export interface Socket {
  /** This end. */
  readonly localAddr: Address;
  /** The peer's end. */
  readonly remoteAddr: Address;
  /** How many bytes came, or `null` at the end of the stream. */
  read(buffer: Uint8Array): number | null | Promise<number | null>;
  /** How many of the bytes the kernel took, at least one. */
  write(bytes: Uint8Array): number | Promise<number>;
  /** Sends FIN. */
  closeWrite(): void | Promise<void>;
  /** Closes; a pending call of an event loop's socket rejects. */
  close(): void;
  /**
   * Blocking sockets only, whose thread runs no timer meanwhile: after so many
   * milliseconds (0: never) a call fails with `ETIMEDOUT`.
   */
  setTimeout?(milliseconds: number): void;
  /** Blocking sockets only: from so many milliseconds on, calls fail with `ETIMEDOUT`. */
  setDeadline?(milliseconds: number): void;
}

/** The only implementation of {@linkcode Connection}. */
export class SocketConnection implements Connection {
  /** Bytes that `read` has returned. */
  bytesRead = 0;
  /** Bytes that the kernel has taken. */
  bytesWritten = 0;
  /** Told of the bytes of each read; set only where somebody asked for them. */
  onMessage: ((bytes: Uint8Array) => void) | null = null;

  readonly #socket: Socket;
  readonly #toSystemError: (error: unknown) => Error;
  #use: "calls" | "streams" | null = null;
  #reading: Promise<number | null> | null = null;
  #buffer: Uint8Array | null = null;
  #ended = false;
  #readError: Error | null = null;
  /** The last of the writes under way; null when there is none. */
  #writing: Promise<void> | null = null;
  #writes = 0;
  /** Writes that were done when they returned, since the event loop had its turn. */
  #atOnce = 0;
  #writeError: Error | null = null;
  #finSent: Promise<void> | null = null;
  #closedBy: string | null = null;
  #idleTimer: ReturnType<typeof setTimeout> | null = null;
  #idleTimeout = 0;
  #onIdle: (() => void) | null = null;
  #lastMoved = 0;
  #finishing = false;
  #readable: ReadableStream<Uint8Array> | null = null;
  #writable: WritableStream<Uint8Array> | null = null;

  /** @param toSystemError gives the runtime's own errors their POSIX `code` */
  constructor(
    socket: Socket,
    toSystemError: (error: unknown) => Error = asError,
  ) {
    this.#socket = socket;
    this.#toSystemError = toSystemError;
  }

  get localAddr(): Address {
    return this.#socket.localAddr;
  }

  get remoteAddr(): Address {
    return this.#socket.remoteAddr;
  }

  /** The code that pending calls reject with, once it is closed: the reason. */
  get closedBy(): string | null {
    return this.#closedBy;
  }

  /**
   * Ends the connection with `ETIMEDOUT` when no byte moves for so long, and
   * then calls `onIdle`; a blocking socket rejects the call that waits instead.
   */
  setIdleTimeout(milliseconds: number, onIdle: (() => void) | null = null): void {
    this.#idleTimeout = milliseconds;
    this.#onIdle = onIdle;
    if (this.#socket.setTimeout) return this.#socket.setTimeout(milliseconds);
    this.#lastMoved = Date.now();
    if (milliseconds > 0) this.#armIdleTimer(milliseconds);
  }

  /**
   * Ends the connection with `ETIMEDOUT` after so long, and then calls `onEnd`;
   * a blocking socket rejects the call that waits then, or the next one.
   * Returns the timer, if there is one.
   */
  setLifeTimeout(
    milliseconds: number,
    onEnd: () => void,
  ): ReturnType<typeof setTimeout> | null {
    if (this.#socket.setDeadline) {
      this.#socket.setDeadline(milliseconds);
      return null;
    }
    return setTimeout(() => {
      this.closeBecause("ETIMEDOUT");
      onEnd();
    }, milliseconds);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#use !== "calls") {
      const refused = this.#claim("calls");
      if (refused) return Promise.reject(refused);
    }
    return this.#read(buffer);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#use !== "calls") {
      const refused = this.#claim("calls");
      if (refused) return Promise.reject(refused);
    }
    return this.#write(bytes);
  }

  closeWrite(): Promise<void> {
    if (this.#finSent) return this.#finSent;
    if (this.#closedBy) return rejected(refusal(this.#closedBy));
    if (this.#writeError) return rejected(this.#writeError);
    const fin = (async () => {
      await this.#writing;
      if (this.#closedBy) throw refusal(this.#closedBy);
      await this.#socket.closeWrite();
    })();
    fin.catch(ignore); // whoever awaits it is told; nobody has to
    return this.#finSent = fin;
  }

  close(): void {
    this.closeBecause("EBADF");
  }

  /** Closes at once; pending and later calls reject with `code`. Idempotent. */
  closeBecause(code: string): void {
    if (this.#closedBy) return;
    this.#closedBy = code;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#socket.close();
  }

  /**
   * A good end: what was written goes out, then FIN, then what still comes is
   * discarded until the peer closes or `linger` milliseconds are over. Closing
   * with input unread would send RST, which can destroy the last bytes that the
   * peer has not read yet (RFC 1122, 4.2.2.13; RFC 2525, 2.17).
   * @throws the error of a write that was called and failed.
   */
  async finish(linger: number): Promise<void> {
    try {
      if (!this.#closedBy) {
        this.#finishing = true;
        await this.closeWrite();
        if (this.#idleTimer !== null) clearTimeout(this.#idleTimer); // from here it is linger
        await this.#discard(linger);
      }
    } finally {
      this.close();
    }
  }

  get readable(): ReadableStream<Uint8Array> {
    if (this.#readable) return this.#readable;
    const refused = this.#claim("streams");
    if (refused) throw refused;
    return this.#readable = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const buffer = this.#buffer ??= new Uint8Array(STREAM_CHUNK);
        const length = await this.#read(buffer);
        if (length === null) return controller.close();
        if (length < STREAM_CHUNK / 4) {
          return controller.enqueue(buffer.slice(0, length));
        }
        this.#buffer = null;
        controller.enqueue(buffer.subarray(0, length));
      },
      cancel: () => this.close(),
      // 0: with the default, a stream reads ahead of the answer to what it has
      // read, and a blocking read would then wait for ever.
    }, { highWaterMark: 0 });
  }

  get writable(): WritableStream<Uint8Array> {
    if (this.#writable) return this.#writable;
    const refused = this.#claim("streams");
    if (refused) throw refused;
    return this.#writable = new WritableStream<Uint8Array>({
      // `abort` below is called only when a pending write has ended.
      start: ({ signal }) => signal.addEventListener("abort", () => this.close()),
      write: (bytes) => this.#write(bytes),
      close: () => this.closeWrite(),
      abort: () => this.close(),
    });
  }

  #claim(use: "calls" | "streams"): TypeError | null {
    if (this.#use !== null && this.#use !== use) {
      return new TypeError(
        "Cannot use the streams and read or write of one connection",
      );
    }
    this.#use = use;
    return null;
  }

  #read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closedBy) return Promise.reject(refusal(this.#closedBy));
    if (this.#finishing) return Promise.reject(refusal("EBADF"));
    if (buffer.length === 0) {
      return Promise.reject(
        new RangeError("Cannot read into a buffer of length 0"),
      );
    }
    if (this.#reading) return Promise.reject(refusal("EBUSY"));
    if (this.#readError) return Promise.reject(this.#readError);
    if (this.#ended) return Promise.resolve(null);
    let result;
    try {
      result = this.#socket.read(buffer);
    } catch (error) {
      return Promise.reject(this.#readFailed(error));
    }
    if (result === null || typeof result === "number") {
      return Promise.resolve(this.#didRead(result, buffer));
    }
    this.#buffer = buffer;
    return this.#reading = result.then(this.#onRead, this.#onReadError);
  }

  // Made once for the connection, not once for each read.
  #onRead = (length: number | null): number | null => {
    if (this.#closedBy) this.#onReadError(null);
    this.#reading = null;
    this.#atOnce = 0;
    return this.#didRead(length, this.#buffer!);
  };

  #onReadError = (error: unknown): never => {
    this.#reading?.catch(ignore); // a handler that has left may not await it
    this.#reading = null;
    throw this.#readFailed(error);
  };

  #didRead(length: number | null, buffer: Uint8Array): number | null {
    if (length === null) {
      this.#ended = true;
      return null;
    }
    this.bytesRead += length;
    if (this.#idleTimeout > 0) this.#lastMoved = Date.now();
    if (this.onMessage) this.onMessage(buffer.subarray(0, length));
    return length;
  }

  #readFailed(error: unknown): Error {
    if (this.#closedBy) return refusal(this.#closedBy);
    if (errorCode(error) === "ETIMEDOUT" && this.#socket.setTimeout) {
      this.closeBecause("ETIMEDOUT");
    }
    return this.#readError = this.#toSystemError(error);
  }

  #write(bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) {
      return rejected(new TypeError("Cannot write anything but a Uint8Array: encode text first"));
    }
    if (this.#closedBy) return rejected(refusal(this.#closedBy));
    if (this.#writeError) return rejected(this.#writeError);
    if (this.#finSent) return rejected(refusal("EPIPE"));
    if (bytes.length === 0) return this.#writing ?? Promise.resolve();
    let writing: Promise<void>;
    if (this.#writing) {
      writing = this.#writing.then(() => this.#writeAll(bytes, 0));
    } else {
      let taken;
      try {
        taken = this.#socket.write(bytes);
      } catch (error) {
        return rejected(this.#writeFailed(error));
      }
      if (typeof taken === "number") {
        this.#didWrite(taken);
        if (taken < bytes.length) writing = this.#writeAll(bytes, taken);
        else if (this.#socket.setTimeout) return Promise.resolve(); // it may block its thread
        else {
          if (++this.#atOnce < LARGEST_AT_ONCE) return Promise.resolve();
          this.#atOnce = 0;
          writing = new Promise((resolve) => setImmediate(resolve));
        }
      } else {
        writing = taken.then((length) => {
          this.#didWrite(length);
          if (length < bytes.length) return this.#writeAll(bytes, length);
        });
      }
    }
    this.#writes++;
    return this.#writing = writing.then(() => {
      if (--this.#writes === 0) this.#writing = null;
    }, (error) => {
      // Writes need not be awaited; `finish` reports the error to the server.
      this.#writing?.catch(ignore);
      throw this.#writeFailed(error);
    });
  }

  async #writeAll(bytes: Uint8Array, from: number): Promise<void> {
    for (let done = from; done < bytes.length;) {
      if (this.#closedBy) throw refusal(this.#closedBy);
      const taken = await this.#socket.write(
        done === 0 ? bytes : bytes.subarray(done),
      );
      this.#didWrite(taken);
      done += taken;
    }
  }

  #didWrite(length: number): void {
    this.bytesWritten += length;
    if (this.#idleTimeout > 0) this.#lastMoved = Date.now();
  }

  #writeFailed(error: unknown): Error {
    if (this.#closedBy) return this.#writeError = refusal(this.#closedBy);
    if (errorCode(error) === "ETIMEDOUT" && this.#socket.setTimeout) {
      this.closeBecause("ETIMEDOUT");
    }
    return this.#writeError ??= this.#toSystemError(error);
  }

  #armIdleTimer(milliseconds: number): void {
    const due = Date.now() + milliseconds;
    this.#idleTimer = setTimeout(() => {
      const left = this.#lastMoved + this.#idleTimeout - Date.now();
      if (left > 0) this.#armIdleTimer(left);
      // The thread was held up: what has come meanwhile is read first.
      else if (Date.now() - due > HELD_UP) this.#armIdleTimer(HELD_UP);
      else {
        this.closeBecause("ETIMEDOUT");
        this.#onIdle?.();
      }
    }, milliseconds);
  }

  async #discard(linger: number): Promise<void> {
    const end = performance.now() + linger;
    const timer = this.#socket.setTimeout
      ? null
      : setTimeout(() => this.closeBecause("EBADF"), linger);
    try {
      await this.#reading; // the handler may have left a read behind
      while (!this.#ended && !this.#readError && !this.#closedBy) {
        const left = Math.ceil(end - performance.now());
        if (left <= 0) break;
        this.#socket.setTimeout?.(left);
        if (await this.#socket.read(scratch) === null) break;
      }
    } catch {
      // A reset, or the time is over: there is nothing left to wait for.
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }
}

const STREAM_CHUNK = 16384;
/** Milliseconds by which a timer comes late where the thread had too much to do. */
const HELD_UP = 20;
/**
 * After so many writes others have their turn: where the peer reads fast, each is
 * done when it returns, and a handler that only writes would keep the thread.
 */
const LARGEST_AT_ONCE = 32;
/** Where discarded input goes; nobody reads it, so all connections share it. */
const scratch = new Uint8Array(16384);

function ignore(): void {}

/** A rejection that nobody has to await. */
function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new SystemError("EIO", String(error));
}
