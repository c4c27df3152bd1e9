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
import { asError, ignore, refusal, rejected } from "./errors.ts";
import { joined } from "./pieces.ts";
import type { PeerLimits } from "./slow_peer.ts";
import type { ConnectionDoing, Socket } from "./socket.ts";
import { Writer } from "./writer.ts";

/** The only implementation of {@linkcode Connection}. */
export class SocketConnection implements Connection {
  /** The peer's end; a prelude that is told of another sets it, see serving/before_handler.ts. */
  remoteAddr: Address;
  /** This end, in the same way. */
  localAddr: Address;
  /** Which of the places where its server listens it came to. */
  place = 0;
  /** Bytes that `read` has returned. */
  bytesRead = 0;
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
  readonly #end: ConnectionEnd;
  readonly #writer: Writer;
  #finishing = false;
  /** Read by a prelude, and the handler's. */
  #unread: Uint8Array | null = null;
  #streams: ConnectionStreams | null = null;

  /** @param toSystemError gives the runtime's errors their POSIX `code` */
  constructor(socket: Socket, toSystemError: (error: unknown) => Error = asError) {
    this.#socket = socket;
    this.remoteAddr = socket.remoteAddr;
    this.localAddr = socket.localAddr;
    this.#toSystemError = toSystemError;
    this.#end = new ConnectionEnd(socket);
    this.#writer = new Writer(socket, this.#end, toSystemError);
  }

  /** Bytes that the kernel has taken. */
  get bytesWritten(): number {
    return this.#writer.taken;
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
    return this.#writer.writing ? "writes" : this.#reading ? "reads" : "handler";
  }

  /** Milliseconds that what was written has to come to the peer, where this end breaks off. */
  set linger(milliseconds: number) {
    this.#end.linger = milliseconds;
  }

  /** See {@linkcode ConnectionEnd.onBroken}. */
  set onBroken(listener: ((why: Error) => void) | null) {
    this.#end.onBroken = listener;
  }

  /** See {@linkcode ConnectionEnd.setIdleTimeout}. */
  setIdleTimeout(milliseconds: number, onIdle: () => void = ignore): void {
    this.#end.setIdleTimeout(milliseconds, onIdle);
  }

  /** See {@linkcode ConnectionEnd.setLifeTimeout}. */
  setLifeTimeout(milliseconds: number, onEnd: () => void = ignore): void {
    this.#end.setLifeTimeout(milliseconds, onEnd);
  }

  /** See {@linkcode ConnectionEnd.setPeerLimits}. */
  setPeerLimits(limits: PeerLimits, onSlow: () => void = ignore): void {
    const look = (asks = false) => {
      const writes = this.#writer.writing !== null;
      return {
        read: this.bytesRead,
        taken: this.#writer.taken,
        reads: this.#reading !== null,
        writes,
        delivered: writes || asks ? this.#socket.delivered?.() ?? null : null,
      };
    };
    // What came with a prelude's bytes is a first byte, though the socket does not see it.
    const firstByte = this.#unread === null ? limits.firstByte : 0;
    this.#end.setPeerLimits({ ...limits, firstByte }, look, onSlow);
  }

  /** What the peer did not do, if that is why the connection was ended. */
  get slow(): Error | null {
    return this.#end.slow;
  }

  /** Its time is not measured any more. */
  stopLifeTimer(): void {
    this.#end.stopLifeTimer();
  }

  /**
   * Waits until a read would not, where reads block; false if nothing came in time, undefined elsewhere.
   * @throws {SystemError} with `ETIMEDOUT` when it was idle for too long
   */
  waitReadable(milliseconds: number): boolean | undefined {
    const socket = this.#socket;
    if (!socket.waitReadable) return undefined;
    if (this.#end.by !== null || this.#unread !== null) return true;
    try {
      return socket.waitReadable(milliseconds);
    } catch (error) {
      throw this.#readFailed(error);
    }
  }

  /** See {@linkcode ConnectionEnd.misused}. */
  misused(code: string): never {
    return this.#end.misused(code);
  }

  /** See {@linkcode ConnectionEnd.readInVain}. */
  readInVain(): Promise<void> | null {
    return this.#end.readInVain();
  }

  /** Whoever used it is done: as if nobody had, with what was read and is not theirs. */
  handOn(unread: Uint8Array): void {
    this.#use = null;
    this.bytesRead -= unread.length;
    if (unread.length === 0) return;
    this.#unread = this.#unread === null ? unread : joined([unread, this.#unread]);
  }

  /** What was read so far was not the client's, but its sender's. */
  uncount(): void {
    this.bytesRead = 0;
    this.#socket.uncount?.();
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
    return this.#writer.write(bytes);
  }

  closeWrite(): Promise<void> {
    if (this.#writer.fin) return this.#writer.fin;
    this.beforeEnd?.();
    return this.#writer.close();
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
    return this.#end.gone(this.#readError ?? this.#writer.error);
  }

  /**
   * A good end: what was written goes out, then FIN, then what still comes is
   * discarded until the peer closes or `linger` milliseconds are over. Closing
   * with input unread would send RST, which can destroy the last bytes that the
   * peer has not read yet (RFC 1122, 4.2.2.13; RFC 2525, 2.17).
   * @throws the error of a write that was called and failed.
   */
  async finish(linger: number): Promise<void> {
    if (this.#end.by) return;
    this.#finishing = true;
    try {
      await this.closeWrite();
    } catch (error) {
      await this.breakOff(0); // the peer has not got all of it
      throw error;
    }
    this.#end.idleTimer?.stop(); // from here it is linger
    this.#end.peerWatch?.stop();
    const isOver = () => this.#ended || this.#readError !== null || this.#end.by !== null;
    await discard(this.#socket, linger, this.#reading, isOver, () => this.close());
    this.close();
  }

  /**
   * A bad end, which the peer can tell from a good one: what was written goes out, for
   * `linger` milliseconds at most, then RST.
   */
  async abort(): Promise<void> {
    if (this.#end.by) return;
    this.#finishing = true;
    const { linger } = this.#end;
    const end = performance.now() + linger;
    this.beforeEnd?.();
    const { writing } = this.#writer;
    if (writing) await within(linger, writing.catch(ignore));
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
      write: (bytes) => this.#writer.write(bytes),
      closeWrite: () => this.closeWrite(),
      close: () => this.close(),
      reset: () => void this.breakOff(0),
    });
  }

  #claim(use: "calls" | "streams"): TypeError | null {
    if (this.#use !== null && this.#use !== use) {
      return new TypeError("Cannot use the streams and read or write of one connection");
    }
    this.#use = use;
    return null;
  }

  #read(buffer: Uint8Array): Promise<number | null> {
    if (!(buffer instanceof Uint8Array)) {
      return Promise.reject(new TypeError("Cannot read into anything but a Uint8Array"));
    }
    if (this.#end.by) return this.#readAfterEnd(null);
    if (this.#finishing) return Promise.reject(refusal("EBADF"));
    if (buffer.length === 0) {
      return Promise.reject(new RangeError("Cannot read into a buffer of length 0"));
    }
    if (this.#reading) this.#end.misused("EBUSY");
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
    const turn = this.readInVain();
    return turn ? turn.then(() => this.#afterEnd(error)) : this.#afterEnd(error);
  }

  #afterEnd(error: Error | null): Promise<null> {
    if (this.#end.by) return rejected(refusal(this.#end.by));
    return error ? rejected(error) : Promise.resolve(null);
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
    if (this.#end.by) this.#onReadError(null);
    this.#reading = null;
    this.#writer.gaveWay();
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
    if (this.#end.by) return refusal(this.#end.by);
    this.#readError = this.#toSystemError(error);
    this.#end.failed(this.#readError);
    return this.#readError;
  }
}
