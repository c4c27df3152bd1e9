/**
 * What is written on one connection: in order, whole, and giving way to others.
 * @module
 */
import { loopTurn } from "./delay.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import { ignore, refusal, rejected } from "./errors.ts";
import { behind, fewer } from "./pieces.ts";
import type { Socket } from "./socket.ts";

/** The writing half of a connection. */
export class Writer {
  /** Bytes that the kernel has taken. */
  taken = 0;
  /** The last of the writes under way; null when there is none. */
  writing: Promise<void> | null = null;
  /** With what a write has failed. */
  error: Error | null = null;
  /** Resolves when FIN is sent; null while nobody has asked for it. */
  fin: Promise<void> | null = null;
  /** What it is of, which a layer replaces. */
  socket: Socket;
  readonly #end: ConnectionEnd;
  readonly #toSystemError: (error: unknown) => Error;
  #writes = 0;
  /** Bytes of those. */
  #waiting = 0;
  /** Writes that were done when they returned, since the event loop had its turn. */
  #atOnce = 0;

  constructor(socket: Socket, end: ConnectionEnd, toSystemError: (error: unknown) => Error) {
    this.socket = socket;
    this.#end = end;
    this.#toSystemError = toSystemError;
  }

  /** The event loop has had its turn. */
  gaveWay(): void {
    this.#atOnce = 0;
  }

  /** See `Connection.write`. */
  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (this.#writes > MOST_WRITES || this.#waiting > MOST_WAITING) this.#end.misused("ENOBUFS");
    return bytes instanceof Uint8Array ? this.#write(bytes) : this.#writePieces(bytes);
  }

  #write(bytes: Uint8Array): Promise<void> {
    if (this.#end.by) return rejected(refusal(this.#end.by));
    if (this.error) return rejected(this.error);
    if (this.fin) return rejected(refusal("EPIPE"));
    let writing: Promise<void>;
    if (this.writing) {
      writing = this.writing.then(() => this.#writeAll(bytes, 0));
    } else {
      let taken;
      try {
        taken = bytes.length > 0 ? this.socket.write(bytes) : 0;
      } catch (error) {
        return rejected(this.#writeFailed(error));
      }
      if (typeof taken === "number") {
        this.#didWrite(taken);
        if (taken < bytes.length) writing = this.#writeAll(bytes, taken);
        else if (!this.#givesWay()) return Promise.resolve();
        else writing = loopTurn();
      } else {
        writing = taken.then((length) => {
          this.#didWrite(length);
          if (length < bytes.length) return this.#writeAll(bytes, length);
        });
      }
    }
    this.#writes++;
    this.#waiting += bytes.length;
    return this.writing = writing.then(() => {
      this.#waiting -= bytes.length;
      if (--this.#writes === 0) this.writing = null;
    }, (error) => {
      // Writes need not be awaited; `finish` reports the error to the server.
      this.writing?.catch(ignore);
      throw this.#writeFailed(error);
    });
  }

  /** Whether the event loop has its turn now: after so many writes that were done at once. */
  #givesWay(): boolean {
    if (this.socket.setTimeout) return false; // it may block its thread
    if (++this.#atOnce < LARGEST_AT_ONCE) return false;
    this.#atOnce = 0;
    return true;
  }

  #writePieces(given: readonly Uint8Array[]): Promise<void> {
    if (!Array.isArray(given) || !given.every((piece) => piece instanceof Uint8Array)) {
      return rejected(new TypeError("Cannot write anything but a Uint8Array: encode text first"));
    }
    const socket = this.socket;
    let pieces = fewer(given, socket.writePieces !== undefined);
    const refused = this.#end.by || this.error || this.fin;
    if (pieces.length > 1 && socket.writePieces && !this.writing && !refused) {
      let taken;
      try {
        taken = socket.writePieces(pieces);
      } catch (error) {
        return rejected(this.#writeFailed(error));
      }
      this.#didWrite(taken);
      pieces = behind(pieces, taken);
      if (pieces.length === 0) {
        return this.#givesWay() ? loopTurn() : Promise.resolve();
      }
    }
    let last = this.#write(pieces[0] ?? NOTHING);
    for (let i = 1; i < pieces.length; i++) last = this.#write(pieces[i]);
    return last;
  }

  async #writeAll(bytes: Uint8Array, from: number): Promise<void> {
    for (let done = from; done < bytes.length;) {
      if (this.#end.by) throw this.#writeFailed(null);
      const taken = await this.socket.write(
        done === 0 ? bytes : bytes.subarray(done),
      );
      this.#didWrite(taken);
      done += taken;
    }
  }

  #didWrite(length: number): void {
    this.taken += length;
    this.#end.idleTimer?.moved();
  }

  #writeFailed(error: unknown): Error {
    if (this.#end.by) return this.error ??= refusal(this.#end.by);
    this.error ??= this.#toSystemError(error);
    this.#end.failed(this.error);
    return this.error;
  }

  /** Sends FIN when all is written; called once. */
  close(): Promise<void> {
    if (this.#end.by) return rejected(refusal(this.#end.by));
    if (this.error) return rejected(this.error);
    const fin = (async () => {
      await this.writing;
      if (this.#end.by) throw refusal(this.#end.by);
      await this.socket.closeWrite();
    })();
    fin.catch(ignore); // whoever awaits it is told; nobody has to
    return this.fin = fin;
  }
}

/** Where the peer reads fast, a handler that only writes would keep the thread: then others go on. */
const LARGEST_AT_ONCE = 32;
/** Writes that wait: so many are a loop in which an `await` is missing. */
const MOST_WRITES = 250_000;
/** Bytes that wait; also so many are one, and would fill the memory of all. */
const MOST_WAITING = 1 << 28;
const NOTHING = new Uint8Array(0);
