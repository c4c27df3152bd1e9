/**
 * Reads a connection until there is a message, and no further.
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import { LONGEST_TIMER } from "../connection/delay.ts";
import { refusal } from "../connection/errors.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";
import { Deadline } from "./deadline.ts";
import { TooLong, UnexpectedEnd } from "./errors.ts";
import type { HeldBack } from "./held_back.ts";
import { Incoming } from "./incoming.ts";
import type { FramedOptions, ReadOptions } from "./options.ts";

/** Trivet's own connections can do more than they promise; others need not. */
export type OwnConnection =
  & Connection
  & Partial<
    Pick<
      SocketConnection,
      "beforeEnd" | "beforeTls" | "handOn" | "misused" | "readInVain" | "waitReadable"
    >
  >;

/** What has come, and the wait for more. */
export class Receiver {
  /** What has come and is not taken. */
  readonly incoming = new Incoming();
  /** Whether no more will come. */
  ended = false;
  readonly #connection: OwnConnection;
  readonly #onTooLong: NonNullable<FramedOptions["onTooLong"]>;
  readonly #held: HeldBack | null;
  /** The message that is waited for has no more bytes. */
  #most = 0;
  /** What to skip of a message that is too long: as far as a delimiter, or so many bytes; 0 for nothing. */
  #tooLong: Uint8Array | number = 0;
  #skip: Uint8Array | number = 0;
  /** Whether a read of a message is under way. */
  #busy = false;
  /** Reads in turn that took nothing and did not ask the network. */
  #inVain = 0;
  /** Whether a read of the connection is, which may outlast it. */
  #reading = false;
  #waker: { resolve(): void; reject(error: unknown): void } | null = null;

  /** @param held what is written before a read asks the network */
  constructor(
    connection: OwnConnection,
    onTooLong: NonNullable<FramedOptions["onTooLong"]>,
    held: HeldBack | null,
  ) {
    this.#connection = connection;
    this.#onTooLong = onTooLong;
    this.#held = held;
  }

  /** Whether somebody waits, or gave up a read that still waits. */
  get waits(): boolean {
    return this.#busy || this.#reading;
  }

  /** Whether a read of the connection is under way, so that it cannot have another. */
  get reads(): boolean {
    return this.#reading;
  }

  /** Forgets what has come. */
  forget(): void {
    this.incoming.drop(this.incoming.length);
    this.#skip = 0;
  }

  /**
   * What `look` finds in what has come, as soon as it is not undefined.
   * @throws {SystemError} at once, and not by a rejection, `EBUSY` for a second read
   */
  next<T>(look: () => T | undefined, options: ReadOptions): Promise<T> {
    this.#begin();
    const isLoop = this.#inVain > MOST_IN_VAIN;
    const turn = isLoop ? this.#connection.readInVain?.() ?? null : null;
    this.#busy = true;
    return this.#next(look, options, turn);
  }

  #begin(): void {
    if (!this.#busy) return;
    this.#connection.misused?.("EBUSY");
    throw refusal("EBUSY");
  }

  async #next<T>(
    look: () => T | undefined,
    options: ReadOptions,
    turn: Promise<void> | null,
  ): Promise<T> {
    const { length } = this.incoming;
    let hasAsked = false;
    let deadline: Deadline | null = null;
    try {
      if (turn !== null) await turn;
      for (;;) {
        if (this.#skip === 0 || this.#hasSkipped()) {
          try {
            const found = look();
            if (found !== undefined) return found;
          } catch (error) {
            if (!this.#skips(error)) throw error;
            if (typeof this.#onTooLong === "function") await this.#onTooLong(error as TooLong);
            continue;
          }
        }
        hasAsked = true;
        if (options.timeout !== undefined || options.signal !== undefined) {
          deadline ??= new Deadline(options);
        }
        if (this.#held !== null && this.#held.length > 0) {
          const flushed = this.#held.flush();
          await (deadline === null ? flushed : deadline.race(flushed));
        }
        if (deadline === null && !this.#reading) {
          // As #read does, without a promise more for each.
          const room = this.incoming.room(this.#most);
          this.#came(await this.#connection.read(room), room.length);
        } else await this.#readInTime(deadline);
      }
    } finally {
      this.#busy = false;
      this.#inVain = hasAsked || this.incoming.length !== length ? 0 : this.#inVain + 1;
      deadline?.stop();
    }
  }

  /**
   * Fills the buffer directly, so that nothing is copied twice.
   * @throws {UnexpectedEnd} if the stream ends before
   */
  async fill(buffer: Uint8Array, done: number): Promise<void> {
    this.#begin();
    this.#busy = true;
    try {
      await this.#held?.flush();
      while (done < buffer.length) {
        const length = await this.#connection.read(buffer.subarray(done));
        if (length === null) {
          this.ended = true;
          throw new UnexpectedEnd(buffer.slice(0, done), buffer.length);
        }
        done += length;
      }
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Where the delimiter begins: undefined if more must come, null at the end.
   * @param max the most bytes with the delimiter
   */
  find(delimiter: Uint8Array, max: number): number | null | undefined {
    const { length } = this.incoming;
    const at = this.incoming.find(delimiter);
    const seen = at < 0 ? length : at + delimiter.length;
    if (seen > max || (at < 0 && seen === max)) throw this.tooLong(max, seen, delimiter);
    if (at >= 0) return at;
    if (length === 0 && this.ended) return null;
    return this.missing(null, max);
  }

  /**
   * More must come.
   * @param expected how many bytes the message has, if that is known
   * @param most how many it has at most
   * @throws {UnexpectedEnd} if no more will come
   */
  missing(expected: number | null, most: number): undefined {
    const { incoming } = this;
    if (this.ended) throw new UnexpectedEnd(incoming.view(incoming.length).slice(), expected);
    this.#most = most;
  }

  /** The error for a message that is too long, and what is skipped if it is to be. */
  tooLong(max: number, seen: number, skip: Uint8Array | number): TooLong {
    this.#tooLong = skip;
    return new TooLong(max, seen);
  }

  #skips(error: unknown): boolean {
    if (!(error instanceof TooLong) || this.#onTooLong === "error") return false;
    this.#skip = this.#tooLong;
    this.#tooLong = 0;
    return this.#skip !== 0;
  }

  /** Drops what has come of it; whether that was all. */
  #hasSkipped(): boolean {
    const { incoming } = this;
    const skip = this.#skip;
    if (typeof skip === "number") {
      const length = Math.min(skip, incoming.length);
      incoming.drop(length);
      this.#skip = skip - length;
    } else {
      const at = incoming.find(skip);
      if (at >= 0) this.#skip = 0;
      // The delimiter may have begun.
      incoming.drop(at >= 0 ? at + skip.length : Math.max(0, incoming.length - skip.length + 1));
    }
    if (this.ended && this.#skip !== 0) {
      incoming.drop(incoming.length);
      this.#skip = 0;
    }
    this.#most = Infinity;
    return this.#skip === 0;
  }

  async #read(): Promise<void> {
    const room = this.incoming.room(this.#most);
    this.#came(await this.#connection.read(room), room.length);
  }

  #came(length: number | null, room: number): void {
    if (length === null) this.ended = true;
    else this.incoming.came(length, room);
  }

  /** Reads once. If that takes too long, the read goes on, and the next one waits for it. */
  async #readInTime(deadline: Deadline | null): Promise<void> {
    if (!this.#reading) {
      const blocks = this.#connection.waitReadable?.(0) !== undefined;
      if (deadline !== null && blocks) return await this.#readBlocking(deadline);
      this.#reading = true;
      this.#read().then(() => {
        this.#reading = false;
        this.#waker?.resolve();
      }, (error) => {
        this.#reading = false;
        this.#waker?.reject(error);
      });
    }
    const woken = new Promise<void>((resolve, reject) => this.#waker = { resolve, reject });
    await (deadline === null ? woken : deadline.race(woken));
  }

  /** Where a read blocks, no timer runs meanwhile; the kernel waits instead. */
  async #readBlocking(deadline: Deadline): Promise<void> {
    if (deadline.watches) {
      throw new TypeError("Cannot watch a signal where reads block: use a timeout");
    }
    const left = Math.min(LONGEST_TIMER, Math.max(0, Math.ceil(deadline.left)));
    if (this.#connection.waitReadable!(left)) await this.#read();
    else if (deadline.left <= 0) throw deadline.late();
    // Otherwise a signal has interrupted the wait.
  }
}

/** So many in turn are no peeks. */
const MOST_IN_VAIN = 1000;
