/**
 * The contract of {@linkcode Connection}, kept once for all runtimes and both
 * ways of waiting, over the little that a socket must be able to do.
 * @module
 */
import type { Address, Connection } from "./connection.ts";
import { ConnectionStreams } from "./connection_streams.ts";
import { asError, errorCode, ignore, refusal, rejected } from "./errors.ts";
import { IdleTimer } from "./loop_idle_timer.ts";
import { behind, fewer, joined } from "./pieces.ts";
import type { ConnectionDoing, Socket } from "./socket.ts";

/** The only implementation of {@linkcode Connection}. */
export class SocketConnection implements Connection {
  /** The peer's end; a prelude that is told of another sets it, see serving/before_handler.ts. */
  remoteAddr: Address;
  /** Bytes that `read` has returned. */
  bytesRead = 0;
  /** Bytes that the kernel has taken. */
  bytesWritten = 0;
  /** Told of the bytes of each read; set only where somebody asked for them. */
  onMessage: ((bytes: Uint8Array) => void) | null = null;
  /** Called before FIN: writes what somebody holds back. */
  beforeEnd: (() => void) | null = null;

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
  #idleTimer: IdleTimer | null = null;
  #lifeTimer: ReturnType<typeof setTimeout> | null = null;
  #finishing = false;
  /** Read by a prelude, and the handler's. */
  #unread: Uint8Array | null = null;
  #streams: ConnectionStreams | null = null;

  /** @param toSystemError gives the runtime's errors their POSIX `code` */
  constructor(socket: Socket, toSystemError: (error: unknown) => Error = asError) {
    this.remoteAddr = (this.#socket = socket).remoteAddr;
    this.#toSystemError = toSystemError;
  }

  get localAddr(): Address {
    return this.#socket.localAddr;
  }

  /** The code that pending calls reject with, once it is closed: the reason. */
  get closedBy(): string | null {
    return this.#closedBy;
  }

  /** What it does now, for whoever looks. */
  get doing(): ConnectionDoing {
    if (this.#finishing) return "lingers";
    return this.#writing ? "writes" : this.#reading ? "reads" : "handler";
  }

  /**
   * Ends the connection with `ETIMEDOUT` when no byte moves for so many
   * milliseconds, and then calls `onIdle`; a blocking socket rejects the call
   * that waits instead. 0: never.
   */
  setIdleTimeout(milliseconds: number, onIdle: () => void = ignore): void {
    if (this.#socket.setTimeout) return this.#socket.setTimeout(milliseconds);
    this.#idleTimer?.stop();
    this.#idleTimer = milliseconds === 0 ? null : new IdleTimer(milliseconds, () => {
      this.closeBecause("ETIMEDOUT");
      onIdle();
    });
  }

  /**
   * Ends the connection with `ETIMEDOUT` after so many milliseconds, and then
   * calls `onEnd`, also if it is closed already: its handler may go on. A blocking
   * socket rejects the call that waits then, or the next one. 0: never.
   */
  setLifeTimeout(milliseconds: number, onEnd: () => void = ignore): void {
    if (this.#socket.setDeadline) return this.#socket.setDeadline(milliseconds);
    if (this.#lifeTimer !== null) clearTimeout(this.#lifeTimer);
    this.#lifeTimer = milliseconds === 0 ? null : setTimeout(() => {
      this.closeBecause("ETIMEDOUT");
      onEnd();
    }, milliseconds);
  }

  /** Its time is not measured any more. */
  stopLifeTimer(): void {
    if (this.#lifeTimer !== null) clearTimeout(this.#lifeTimer);
  }

  /** Waits until a read would not, where reads block; false if nothing came in time, undefined elsewhere. */
  waitReadable(milliseconds: number): boolean | undefined {
    const socket = this.#socket;
    if (!socket.waitReadable) return undefined;
    return this.#closedBy !== null || this.#unread !== null || socket.waitReadable(milliseconds);
  }

  /** Whoever used it is done: as if nobody had, with what was read and is not theirs. */
  handOn(unread: Uint8Array): void {
    this.#use = null;
    this.bytesRead -= unread.length;
    if (unread.length === 0) return;
    this.#unread = this.#unread === null ? unread : joined([unread, this.#unread]);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#use !== "calls") {
      const refused = this.#claim("calls");
      if (refused) return Promise.reject(refused);
    }
    return this.#read(buffer);
  }

  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (this.#use !== "calls") {
      const refused = this.#claim("calls");
      if (refused) return Promise.reject(refused);
    }
    return this.#write(bytes);
  }

  closeWrite(): Promise<void> {
    if (this.#finSent) return this.#finSent;
    this.beforeEnd?.();
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
    this.#idleTimer?.stop();
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
        this.#idleTimer?.stop(); // from here it is linger
        await this.#discard(linger);
      }
    } finally {
      this.close();
    }
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#asStreams().readable;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#asStreams().writable;
  }

  #asStreams(): ConnectionStreams {
    if (this.#streams) return this.#streams;
    const refused = this.#claim("streams");
    if (refused) throw refused;
    return this.#streams = new ConnectionStreams({
      read: (buffer) => this.#read(buffer),
      write: (bytes) => this.#write(bytes),
      closeWrite: () => this.closeWrite(),
      close: () => this.close(),
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
    if (!(buffer instanceof Uint8Array)) {
      return Promise.reject(new TypeError("Cannot read into anything but a Uint8Array"));
    }
    if (this.#closedBy) return Promise.reject(refusal(this.#closedBy));
    if (this.#finishing) return Promise.reject(refusal("EBADF"));
    if (buffer.length === 0) {
      return Promise.reject(new RangeError("Cannot read into a buffer of length 0"));
    }
    if (this.#reading) return Promise.reject(refusal("EBUSY"));
    if (this.#unread !== null) return this.#takeUnread(this.#unread, buffer);
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

  #takeUnread(unread: Uint8Array, buffer: Uint8Array): Promise<number> {
    const length = Math.min(unread.length, buffer.length);
    buffer.set(unread.subarray(0, length));
    this.#unread = length < unread.length ? unread.subarray(length) : null;
    this.#didRead(length, buffer);
    return Promise.resolve(length);
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
    this.#idleTimer?.moved();
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

  #write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (!(bytes instanceof Uint8Array)) return this.#writePieces(bytes);
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
        else if (!this.#givesWay()) return Promise.resolve();
        else writing = new Promise((resolve) => setImmediate(resolve));
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

  /** Whether the event loop has its turn now: after so many writes that were done at once. */
  #givesWay(): boolean {
    if (this.#socket.setTimeout) return false; // it may block its thread
    if (++this.#atOnce < LARGEST_AT_ONCE) return false;
    this.#atOnce = 0;
    return true;
  }

  #writePieces(given: readonly Uint8Array[]): Promise<void> {
    if (!Array.isArray(given) || !given.every((piece) => piece instanceof Uint8Array)) {
      return rejected(new TypeError("Cannot write anything but a Uint8Array: encode text first"));
    }
    const socket = this.#socket;
    let pieces = fewer(given, socket.writePieces !== undefined);
    const refused = this.#closedBy || this.#writeError || this.#finSent;
    if (pieces.length > 1 && socket.writePieces && !this.#writing && !refused) {
      let taken;
      try {
        taken = socket.writePieces(pieces);
      } catch (error) {
        return rejected(this.#writeFailed(error));
      }
      this.#didWrite(taken);
      pieces = behind(pieces, taken);
      if (pieces.length === 0) {
        return this.#givesWay() ? new Promise((r) => setImmediate(r)) : Promise.resolve();
      }
    }
    let last = this.#write(pieces[0] ?? NOTHING);
    for (let i = 1; i < pieces.length; i++) last = this.#write(pieces[i]);
    return last;
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
    this.#idleTimer?.moved();
  }

  #writeFailed(error: unknown): Error {
    if (this.#closedBy) return this.#writeError = refusal(this.#closedBy);
    if (errorCode(error) === "ETIMEDOUT" && this.#socket.setTimeout) {
      this.closeBecause("ETIMEDOUT");
    }
    return this.#writeError ??= this.#toSystemError(error);
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

/** Where the peer reads fast, a handler that only writes would keep the thread: then others go on. */
const LARGEST_AT_ONCE = 32;
/** Where discarded input goes, of all connections. */
const scratch = new Uint8Array(16384);
const NOTHING = new Uint8Array(0);
