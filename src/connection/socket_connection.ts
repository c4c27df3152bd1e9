/**
 * The contract of {@linkcode Connection}, kept once for all runtimes and both
 * ways of waiting, over the little that a socket must be able to do.
 * @module
 */
import type { Address, Connection } from "./connection.ts";
import { ConnectionStreams } from "./connection_streams.ts";
import { ConnectionEnd } from "./connection_end.ts";
import { within } from "./delay.ts";
import { discard } from "./discard.ts";
import { asError, errorCode, ignore, refusal, rejected } from "./errors.ts";
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
  readonly #end: ConnectionEnd;
  #finishing = false;
  /** Read by a prelude, and the handler's. */
  #unread: Uint8Array | null = null;
  #streams: ConnectionStreams | null = null;
  #readsAtEnd = 0;

  /** @param toSystemError gives the runtime's errors their POSIX `code` */
  constructor(socket: Socket, toSystemError: (error: unknown) => Error = asError) {
    this.remoteAddr = (this.#socket = socket).remoteAddr;
    this.#toSystemError = toSystemError;
    this.#end = new ConnectionEnd(socket);
  }

  get localAddr(): Address {
    return this.#socket.localAddr;
  }

  /** Whether its calls keep the thread. */
  get isBlocking(): boolean {
    return this.#socket.setTimeout !== undefined;
  }

  /** The code that pending calls reject with, once it is closed: the reason. */
  get closedBy(): string | null {
    return this.#end.by;
  }

  /** What it does now, for whoever looks. */
  get doing(): ConnectionDoing {
    if (this.#finishing) return "lingers";
    return this.#writing ? "writes" : this.#reading ? "reads" : "handler";
  }

  get #closedBy(): string | null {
    return this.#end.by;
  }

  /** Milliseconds that what was written has to come to the peer, where this end breaks off. */
  set linger(milliseconds: number) {
    this.#end.linger = milliseconds;
  }

  /** See {@linkcode ConnectionEnd.setIdleTimeout}. */
  setIdleTimeout(milliseconds: number, onIdle: () => void = ignore): void {
    this.#end.setIdleTimeout(milliseconds, onIdle);
  }

  /** See {@linkcode ConnectionEnd.setLifeTimeout}. */
  setLifeTimeout(milliseconds: number, onEnd: () => void = ignore): void {
    this.#end.setLifeTimeout(milliseconds, onEnd);
  }

  /** Its time is not measured any more. */
  stopLifeTimer(): void {
    this.#end.stopLifeTimer();
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
    this.#end.close();
  }

  reset(): void {
    this.#end.reset();
  }

  /** See {@linkcode ConnectionEnd.breakOff}. */
  breakOff(linger: number, code = "EBADF"): Promise<void> {
    return this.#end.breakOff(linger, code);
  }

  /** Where it breaks off: resolves when it has, which may be after its end was reported. */
  get closing(): Promise<void> | null {
    return this.#end.closing;
  }

  /** See `Context.gone`. */
  get gone(): AbortSignal {
    return this.#end.gone(this.#readError ?? this.#writeError);
  }

  /**
   * A good end: what was written goes out, then FIN, then what still comes is
   * discarded until the peer closes or `linger` milliseconds are over. Closing
   * with input unread would send RST, which can destroy the last bytes that the
   * peer has not read yet (RFC 1122, 4.2.2.13; RFC 2525, 2.17).
   * @throws the error of a write that was called and failed.
   */
  async finish(linger: number): Promise<void> {
    if (this.#closedBy) return;
    this.#finishing = true;
    try {
      await this.closeWrite();
    } catch (error) {
      await this.breakOff(0); // the peer has not got all of it
      throw error;
    }
    this.#end.idleTimer?.stop(); // from here it is linger
    const isOver = () => this.#ended || this.#readError !== null || this.#closedBy !== null;
    await discard(this.#socket, linger, this.#reading, isOver, () => this.close());
    this.close();
  }

  /**
   * A bad end, which the peer can tell from a good one: what was written goes out, for
   * `linger` milliseconds at most, then RST.
   */
  async abort(): Promise<void> {
    if (this.#closedBy) return;
    this.#finishing = true;
    const { linger } = this.#end;
    const end = performance.now() + linger;
    this.beforeEnd?.();
    if (this.#writing) await within(linger, this.#writing.catch(ignore));
    await this.breakOff(Math.max(0, end - performance.now()));
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
      reset: () => void this.breakOff(0),
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
    if (this.#closedBy) return this.#readAfterEnd(null);
    if (this.#finishing) return Promise.reject(refusal("EBADF"));
    if (buffer.length === 0) {
      return Promise.reject(new RangeError("Cannot read into a buffer of length 0"));
    }
    if (this.#reading) this.#misused("EBUSY");
    if (this.#unread !== null) return this.#takeUnread(this.#unread, buffer);
    if (this.#ended || this.#readError) return this.#readAfterEnd(this.#readError);
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

  #readAfterEnd(error: Error | null): Promise<null> {
    if (++this.#readsAtEnd > MOST_READS_AT_END) this.#misused("EBUSY");
    if (this.#closedBy) return rejected(refusal(this.#closedBy));
    return error ? rejected(error) : Promise.resolve(null);
  }

  /**
   * Ends this connection. It throws, and does not reject: a loop in which an `await` is
   * missing would see no rejection, and give the thread to nobody.
   */
  #misused(code: string): never {
    void this.breakOff(0, code);
    throw refusal(code);
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
    this.#end.idleTimer?.moved();
    if (this.onMessage) this.onMessage(buffer.subarray(0, length));
    return length;
  }

  #readFailed(error: unknown): Error {
    if (this.#closedBy) return refusal(this.#closedBy);
    this.#readError = this.#toSystemError(error);
    this.#broke(this.#readError);
    return this.#readError;
  }

  #write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (!(bytes instanceof Uint8Array)) return this.#writePieces(bytes);
    if (this.#closedBy) return rejected(refusal(this.#closedBy));
    if (this.#writeError) return rejected(this.#writeError);
    if (this.#finSent) return rejected(refusal("EPIPE"));
    if (this.#writes > MOST_WRITES) this.#misused("ENOBUFS");
    let writing: Promise<void>;
    if (this.#writing) {
      writing = this.#writing.then(() => this.#writeAll(bytes, 0));
    } else {
      let taken;
      try {
        taken = bytes.length > 0 ? this.#socket.write(bytes) : 0;
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
      if (this.#closedBy) throw this.#writeFailed(null);
      const taken = await this.#socket.write(
        done === 0 ? bytes : bytes.subarray(done),
      );
      this.#didWrite(taken);
      done += taken;
    }
  }

  #didWrite(length: number): void {
    this.bytesWritten += length;
    this.#end.idleTimer?.moved();
  }

  #writeFailed(error: unknown): Error {
    if (this.#closedBy) return this.#writeError ??= refusal(this.#closedBy);
    this.#writeError ??= this.#toSystemError(error);
    this.#broke(this.#writeError);
    return this.#writeError;
  }

  /** A call has failed. */
  #broke(error: Error): void {
    if (errorCode(error) === "ETIMEDOUT" && this.isBlocking) this.#end.timeOut();
    else this.#end.tellGone(error);
  }
}

/** Where the peer reads fast, a handler that only writes would keep the thread: then others go on. */
const LARGEST_AT_ONCE = 32;
const NOTHING = new Uint8Array(0);
/** Reads at the end, and writes that wait: so many are a loop in which an `await` is missing. */
const MOST_READS_AT_END = 10_000;
const MOST_WRITES = 250_000;
