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
import { asError, ignore, refusal, SystemError } from "./errors.ts";
import type { PeerLimits } from "./slow_peer.ts";
import { Reader } from "./reader.ts";
import type { ConnectionDoing, Socket } from "./socket.ts";
import type { TlsInfo } from "./tls_info.ts";
import type { ConnectTlsOptions, TlsOptions } from "./tls_options.ts";
import { Writer } from "./writer.ts";

/** Begins TLS on a connection of one kind, accepted or made. */
export type TlsStarter = (
  connection: SocketConnection,
  options: TlsOptions | ConnectTlsOptions | undefined,
) => Promise<TlsInfo>;

/** The only implementation of {@linkcode Connection}. */
export class SocketConnection implements Connection {
  /** The peer's end; a prelude that is told of another sets it, see serving/before_handler.ts. */
  remoteAddr: Address;
  /** This end, in the same way. */
  localAddr: Address;
  /** Which of the places where its server listens it came to. */
  place = 0;
  /** What the handshake has agreed on. */
  tls: TlsInfo | null = null;
  /** Begins TLS on it; null where nobody can. */
  tlsStarter: TlsStarter | null = null;
  /** Called before FIN: writes what somebody holds back. */
  beforeEnd: (() => void) | null = null;
  /** Called before TLS begins: drops what somebody has read ahead. */
  beforeTls: (() => void) | null = null;

  #socket: Socket;
  #use: "calls" | "streams" | "handshake" | null = null;
  readonly #end: ConnectionEnd;
  readonly #reader: Reader;
  readonly #writer: Writer;
  #streams: ConnectionStreams | null = null;

  /** @param toSystemError gives the runtime's errors their POSIX `code` */
  constructor(socket: Socket, toSystemError: (error: unknown) => Error = asError) {
    this.#socket = socket;
    this.remoteAddr = socket.remoteAddr;
    this.localAddr = socket.localAddr;
    this.#end = new ConnectionEnd(socket);
    this.#writer = new Writer(socket, this.#end, toSystemError);
    this.#reader = new Reader(socket, this.#end, this.#writer, toSystemError);
  }

  /** Bytes that `read` has returned. */
  get bytesRead(): number {
    return this.#reader.bytes;
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
    if (this.#reader.finishing) return "lingers";
    return this.#writer.writing ? "writes" : this.#reader.reading ? "reads" : "handler";
  }

  /** Milliseconds that what was written has to come to the peer, where this end breaks off. */
  set linger(milliseconds: number) {
    this.#end.linger = milliseconds;
  }

  /** See {@linkcode Reader.onMessage}. */
  set onMessage(listener: ((bytes: Uint8Array) => void) | null) {
    this.#reader.onMessage = listener;
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
        reads: this.#reader.reading !== null,
        writes,
        delivered: writes || asks ? this.#socket.delivered?.() ?? null : null,
      };
    };
    // What came with a prelude's bytes is a first byte, though the socket does not see it.
    const firstByte = this.#reader.unread === null ? limits.firstByte : 0;
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
    if (this.#end.by !== null || this.#reader.unread !== null) return true;
    try {
      return socket.waitReadable(milliseconds);
    } catch (error) {
      throw this.#reader.failed(error);
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
    this.#reader.handOn(unread);
  }

  /** Reads for TLS that begins, while nobody else may. */
  readAhead(buffer: Uint8Array): Promise<number | null> {
    return this.#reader.read(buffer);
  }

  /** What was read ahead comes again. */
  giveBack(bytes: Uint8Array): void {
    this.#reader.handOn(bytes);
  }

  /**
   * Puts something between it and its socket, such as TLS, which owns the socket then: from
   * here on what is read and written goes through it.
   * @param over it is given what was read and not taken
   */
  layer<Layer extends Socket>(over: (socket: Socket, unread: Uint8Array | null) => Layer): Layer {
    const layer = over(this.#socket, this.#reader.unread);
    this.#reader.unread = null;
    layer.onMoved = () => this.#end.idleTimer?.moved();
    this.#socket =
      this.#end.socket =
      this.#writer.socket =
      this.#reader.socket =
        layer;
    return layer;
  }

  /** What was read so far was not the client's, but its sender's. */
  uncount(): void {
    this.#reader.bytes = 0;
    this.#socket.uncount?.();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#use !== "calls") {
      const refused = this.#claim("calls");
      if (refused) return Promise.reject(refused);
    }
    return this.#reader.read(buffer);
  }

  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (this.#use !== "calls") {
      const refused = this.#claim("calls");
      if (refused) return Promise.reject(refused);
    }
    return this.#writer.write(bytes);
  }

  async startTls(options?: TlsOptions | ConnectTlsOptions): Promise<TlsInfo> {
    if (this.#end.by) throw refusal(this.#end.by);
    if (this.tls !== null) throw new SystemError("EALREADY", "It is encrypted already");
    if (this.isBlocking || this.tlsStarter === null) throw new SystemError("ENOTSUP", NO_TLS);
    if (this.#reader.reading) this.#end.misused("EBUSY");
    const refused = this.#claim("calls");
    if (refused) throw refused;
    this.beforeEnd?.();
    this.beforeTls?.();
    this.#use = "handshake";
    try {
      await this.#writer.writing;
      this.#reader.unread = null;
      return this.tls = await this.tlsStarter(this, options);
    } finally {
      this.#use = "calls";
    }
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
    return this.#end.gone(this.#reader.error ?? this.#writer.error);
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
    this.#reader.finishing = true;
    try {
      await this.closeWrite();
    } catch (error) {
      await this.breakOff(0); // the peer has not got all of it
      throw error;
    }
    this.#end.idleTimer?.stop(); // from here it is linger
    this.#end.peerWatch?.stop();
    const isOver = () => this.#reader.ended || this.#reader.error !== null || this.#end.by !== null;
    await discard(this.#socket, linger, this.#reader.reading, isOver, () => this.close());
    this.close();
  }

  /**
   * A bad end, which the peer can tell from a good one: what was written goes out, for
   * `linger` milliseconds at most, then RST.
   */
  async abort(): Promise<void> {
    if (this.#end.by) return;
    this.#reader.finishing = true;
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
      read: (buffer) => this.#reader.read(buffer),
      write: (bytes) => this.#writer.write(bytes),
      closeWrite: () => this.closeWrite(),
      close: () => this.close(),
      reset: () => void this.breakOff(0),
    });
  }

  #claim(use: "calls" | "streams"): Error | null {
    if (this.#use === "handshake") {
      return new SystemError("EBUSY", "TLS begins on it: an `await` is missing before startTls");
    }
    if (this.#use !== null && this.#use !== use) {
      return new TypeError("Cannot use the streams and read or write of one connection");
    }
    this.#use = use;
    return null;
  }
}

const NO_TLS = "A blocking handler cannot begin TLS: take the export `blocking` out of its module";
