/**
 * A socket that is encrypted, over one that is not: what a connection reads and writes goes
 * through an engine of TLS. The engine has no socket, so how bytes are waited for, and how
 * the other end is held back, stays with the socket below.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { asError, ignore, refusal, SystemError } from "../connection/errors.ts";
import { nextSize } from "../connection/growing_buffer.ts";
import { joined, lengthOf } from "../connection/pieces.ts";
import type { Socket } from "../connection/socket.ts";
import type { TlsEngine, TlsEvents } from "./tls_engine.ts";
import { Records } from "./records.ts";
import type { TlsInfo } from "../connection/tls_info.ts";

/** Bytes that an engine is given at once. Deno's keeps what is beyond 64 KiB, and sends it late (2.9.6). */
const PIECE = 32 * 1024;
/** Bytes of the smallest buffer for what comes: there is one for each connection. */
const SMALLEST = 4 * 1024;
/** Bytes that wait to be sent, before nothing more is read: more than a piece has, encrypted. */
const MOST_WAITING = 64 * 1024;
/** Turns of the event loop in which an engine must tell what it has been given. */
const TURNS = 2;

const CUT = "The other end has left without saying so (close_notify): what came may not be all";

/** A read that waits. */
interface Reader {
  readonly buffer: Uint8Array;
  resolve(length: number | null): void;
  reject(error: unknown): void;
}

/** An encrypted socket; `handshake` comes first. */
export class TlsSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  onMoved: (() => void) | null = null;
  readonly #raw: Socket;
  readonly #engine: TlsEngine;
  readonly #shaken = Promise.withResolvers<TlsInfo>();
  #isShaken = false;
  /** Decrypted, and nobody has asked for it yet. */
  #plain: Uint8Array[] = [];
  #reader: Reader | null = null;
  #buffer: Uint8Array | null = null;
  /** Where the engine gets them one at a time. */
  readonly #records = new Records();
  /** Whether a read of the socket below is under way. */
  #isReading = false;
  /** The other end has said that no more comes. */
  #ended = false;
  /** The socket below has ended. */
  #isOver = false;
  #error: Error | null = null;
  /** Encrypted, and not sent yet. */
  #out: Uint8Array[] = [];
  /** What is sent now; null where nothing waits. */
  #sending: Promise<void> | null = null;
  #sendError: unknown = null;
  #isWriting = false;
  /** Writes that the engine has not taken yet. */
  #untaken = 0;
  #onTaken: (() => void) | null = null;

  /**
   * @param raw owned by this one from here on
   * @param makeEngine an end of TLS that tells of what comes out
   */
  constructor(raw: Socket, makeEngine: (events: TlsEvents) => TlsEngine) {
    this.#raw = raw;
    this.localAddr = raw.localAddr;
    this.remoteAddr = raw.remoteAddr;
    this.#shaken.promise.catch(ignore);
    this.#engine = makeEngine({
      send: (bytes) => {
        if (this.#sendError) return;
        this.#out.push(bytes);
        if (!this.#isWriting) this.#flush();
      },
      secure: (info) => {
        this.#isShaken = true;
        this.#shaken.resolve(info);
      },
      data: (bytes) => {
        this.#plain.push(bytes);
        this.#answer();
      },
      ended: () => {
        this.#ended = true;
        this.#answer();
      },
      failed: (error) => this.#fail(tlsError(error)),
    });
  }

  /**
   * Shakes hands.
   * @param came what was read of the socket already
   * @throws {SystemError} with `EPROTO` if the two ends do not agree
   */
  handshake(came: Uint8Array | null = null): Promise<TlsInfo> {
    if (came !== null && came.length > 0) this.#give(came);
    this.#receive();
    return this.#shaken.promise;
  }

  read(buffer: Uint8Array): number | null | Promise<number | null> {
    if (this.#plain.length > 0) return this.#take(buffer);
    if (this.#ended) return null;
    if (this.#error) throw this.#error;
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#receive();
    });
  }

  write(bytes: Uint8Array): number | Promise<number> {
    if (this.#error) throw this.#error;
    if (this.#sendError) throw this.#sendError;
    const piece = bytes.length > PIECE ? bytes.subarray(0, PIECE) : bytes;
    const isFree = this.#untaken === 0 && this.#out.length === 0;
    this.#untaken++;
    this.#isWriting = true;
    try {
      this.#engine.write(piece, this.#taken);
    } finally {
      this.#isWriting = false;
    }
    // Encrypted it is longer: so all of it has come out, if nothing else was on its way.
    const isOut = this.#waiting > piece.length;
    const sending = this.#flush();
    if (this.#sendError) throw this.#sendError;
    return isFree && isOut && sending === null ? piece.length : this.#whenSent(piece.length);
  }

  async closeWrite(): Promise<void> {
    if (this.#error === null) {
      this.#untaken++;
      this.#engine.end(this.#taken);
      await this.#whenSent(0);
    }
    await this.#raw.closeWrite();
  }

  close(): void {
    this.#end();
    this.#raw.close();
  }

  reset(linger: number): void | Promise<void> {
    this.#end();
    return this.#raw.reset(linger);
  }

  onGone(listener: (isReset: boolean) => void): void {
    this.#raw.onGone?.(listener);
  }

  /** Encrypted ones; whoever asks compares two moments. */
  delivered(): number | null {
    return this.#raw.delivered?.() ?? null;
  }

  get #isWanted(): boolean {
    return this.#reader !== null || !this.#isShaken;
  }

  /** Reads of the socket below, where somebody waits for what that brings. */
  #receive(): void {
    while (this.#isWanted && this.#records.has()) this.#engine.receive(this.#records.take());
    if (!this.#isWanted || this.#isReading || this.#error) return;
    if (this.#isOver) return this.#over();
    if (this.#sending && this.#waiting > MOST_WAITING) return this.#receiveLater(this.#sending);
    this.#buffer ??= new Uint8Array(SMALLEST);
    let length;
    try {
      length = this.#raw.read(this.#buffer);
    } catch (error) {
      return this.#fail(asError(error));
    }
    this.#isReading = true;
    if (length === null || typeof length === "number") length = Promise.resolve(length);
    length.then(this.#received, this.#notReceived);
  }

  /** A peer that asks for answers of the engine's own, such as new keys, and reads none, fills no memory. */
  #receiveLater(sending: Promise<void>): void {
    this.#isReading = true;
    sending.then(() => {
      this.#isReading = false;
      this.#receive();
    });
  }

  // Made once for the connection, not once for each read.
  #received = (length: number | null): void => {
    this.#isReading = false;
    if (length === null) return this.#over();
    this.onMoved?.();
    const buffer = this.#buffer!;
    // Others than Deno's engine may keep it.
    this.#give(buffer.slice(0, length));
    const size = nextSize(buffer, length, SMALLEST);
    if (size !== buffer.length) this.#buffer = new Uint8Array(size);
    this.#receive();
  };

  #give(bytes: Uint8Array): void {
    if (this.#engine.endsBoth) this.#records.add(bytes);
    else this.#engine.receive(bytes);
  }

  #notReceived = (error: unknown): void => {
    this.#isReading = false;
    this.#fail(asError(error));
  };

  /** Whether its end was said is known when the engine has told all. */
  #over(turns = TURNS): void {
    this.#isOver = true;
    if (this.#ended || this.#error || this.#records.has()) return;
    if (turns > 0) return void setImmediate(() => this.#over(turns - 1));
    this.#fail(new SystemError("EPROTO", CUT));
  }

  #take(buffer: Uint8Array): number {
    const first = this.#plain[0];
    const length = Math.min(first.length, buffer.length);
    buffer.set(length < first.length ? first.subarray(0, length) : first);
    if (length < first.length) this.#plain[0] = first.subarray(length);
    else this.#plain.shift();
    return length;
  }

  /** Gives whoever waits what there is. */
  #answer(): void {
    const reader = this.#reader;
    if (reader === null) return;
    if (this.#plain.length > 0) {
      this.#reader = null;
      reader.resolve(this.#take(reader.buffer));
    } else if (this.#ended) {
      this.#reader = null;
      reader.resolve(null);
    } else if (this.#error) {
      this.#reader = null;
      reader.reject(this.#error);
    }
  }

  #taken = (): void => {
    this.#untaken--;
    this.#onTaken?.();
  };

  async #whenSent(length: number): Promise<number> {
    while (this.#untaken > 0 && this.#error === null) {
      await new Promise<void>((resolve) => this.#onTaken = resolve);
    }
    this.#flush();
    while (this.#sending) await this.#sending;
    if (this.#sendError ?? this.#error) throw this.#sendError ?? this.#error;
    return length;
  }

  /** Bytes that are encrypted, and not sent yet. */
  get #waiting(): number {
    return lengthOf(this.#out);
  }

  /** Sends what is encrypted; null if all of it has gone. */
  #flush(): Promise<void> | null {
    if (this.#sending || this.#out.length === 0 || this.#sendError) return this.#sending;
    const bytes = this.#out.length === 1 ? this.#out[0] : joined(this.#out);
    this.#out = [];
    try {
      for (let sent = 0; sent < bytes.length;) {
        const length = this.#raw.write(sent === 0 ? bytes : bytes.subarray(sent));
        if (typeof length !== "number") return this.#sending = this.#sendRest(bytes, sent, length);
        sent += length;
      }
    } catch (error) {
      this.#sendError = error;
    }
    return null;
  }

  /** Never rejects. */
  async #sendRest(bytes: Uint8Array, from: number, first: Promise<number>): Promise<void> {
    try {
      let sent = from + await first;
      this.onMoved?.();
      while (sent < bytes.length) {
        sent += await this.#raw.write(bytes.subarray(sent));
        this.onMoved?.();
      }
    } catch (error) {
      this.#sendError = error;
    }
    this.#sending = null;
    this.#flush();
  }

  /** Nothing more is read, and nothing written; what has come is still given. */
  #fail(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    this.#engine.destroy();
    this.#shaken.reject(error);
    this.#answer();
    this.#onTaken?.();
  }

  #end(): void {
    this.#plain = [];
    this.#fail(refusal("EBADF"));
  }
}

function tlsError(error: unknown): SystemError {
  if (error instanceof SystemError) return error;
  const { message } = asError(error);
  return new SystemError("EPROTO", `TLS has failed: ${said(message)}`, error);
}

/** What OpenSSL says, without the numbers and files around it. */
function said(message: string): string {
  const [line] = message.trim().split("\n");
  const parts = /^(?:[0-9A-F]+:)?error:[0-9a-fA-F]+:([^:]*):([^:]*):([^:]*)/.exec(line);
  return parts === null ? line : parts[3].replaceAll("_", " ").toLowerCase();
}
