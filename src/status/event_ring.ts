/**
 * What happens to each client of a worker, told without a message: two messages cost more
 * than a short connection. The worker writes records into a ring that is its own, and the
 * main process reads them when it looks.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { UntimedEvent } from "../events.ts";

/** A line of the processor's cache, so that no worker slows another. */
const RECORD_BYTES = 64;
const RECORD_WORDS = RECORD_BYTES / 4;
/**
 * Words of a record: its kind and, a byte each, the lengths of id and address; its place among
 * all that its worker tells; the port, or milliseconds. Then `accepted` has its text, id and
 * address, and `closed` two doubles, bytes in and out, and its id.
 */
const KIND = 0;
const NTH = 1;
const PORT_OR_MS = 2;
/** 24 days, which a word can hold. */
const MOST_MS = 2 ** 31 - 1;
/** The byte where the text of `accepted` begins, and that of `closed`. */
const TEXT = 12;
const CLOSED_TEXT = 32;
/** Which of the doubles of a record. */
const [READ, WRITTEN] = [2, 3];

const [TCP, UNIX, CLOSED, LOCAL, TAKEN, VANISHED] = [1, 2, 3, 4, 5, 6];

/**
 * Bytes of a worker's ring, a power of two.
 * @param each how many clients it has at once: to many more happens between two looks
 */
export function ringBytes(each: "one" | "many"): number {
  return each === "one" ? 4096 : 65_536;
}

/** What a worker tells of its clients. */
export type Told =
  | Pick<Extract<UntimedEvent, { type: "accepted" }>, "type" | "id" | "remoteAddr">
  /** Its handler returned. */
  | {
    readonly type: "closed";
    readonly id: string;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly milliseconds: number;
    readonly local?: true;
  }
  | { readonly type: "taken" | "vanished" };

/** What it may tell so, if it fits: also that it holds a client that its handler does not have. */
export type ClientNews = UntimedEvent | { readonly type: "taken" } | { readonly type: "vanished" };

/** A worker's own ring. */
export class EventRing {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #records: number;
  #start = 0;
  #ends = 0;

  /**
   * @param words of the memory that it is in
   * @param bytes of the ring
   */
  constructor(words: Int32Array, doubles: Float64Array, bytes: number) {
    this.#words = words;
    this.#doubles = doubles;
    this.#bytes = new Uint8Array(words.buffer);
    this.#records = bytes / RECORD_BYTES;
  }

  /**
   * Is there from now on.
   * @param start the word where it begins
   * @param ends the first of two words: how many records were written, and how many of them are read
   */
  moveTo(start: number, ends: number): void {
    this.#start = start;
    this.#ends = ends;
  }

  /**
   * Writes what has happened, the worker's `nth`; returns whether it could: it is what
   * happens to each connection, there is room, and the text is short.
   */
  write(nth: number, event: ClientNews): boolean {
    const words = this.#words;
    const written = words[this.#ends];
    if (((written - Atomics.load(words, this.#ends + 1)) | 0) >= this.#records) return false;
    const word = this.#start + (written & (this.#records - 1)) * RECORD_WORDS;
    if (!this.#fill(word, event)) return false;
    words[word + NTH] = nth;
    Atomics.store(words, this.#ends, (written + 1) | 0); // after what it tells of
    return true;
  }

  #fill(word: number, event: ClientNews): boolean {
    switch (event.type) {
      case "taken":
      case "vanished":
        this.#words[word + KIND] = event.type === "taken" ? TAKEN : VANISHED;
        return true;
      case "accepted":
        return this.#fillAccepted(word, event.id, event.remoteAddr);
      case "closed": {
        const { id } = event;
        if (event.reason !== "handler" || event.milliseconds > MOST_MS) return false;
        if (id.length > RECORD_BYTES - CLOSED_TEXT) return false;
        if (!this.#text(id, word * 4 + CLOSED_TEXT)) return false;
        this.#words[word + KIND] = (event.local ? LOCAL : CLOSED) | id.length << 8;
        this.#words[word + PORT_OR_MS] = event.milliseconds;
        this.#doubles[word / 2 + READ] = event.bytesRead ?? 0;
        this.#doubles[word / 2 + WRITTEN] = event.bytesWritten ?? 0;
        return true;
      }
      default:
        return false;
    }
  }

  #fillAccepted(word: number, id: string, client: Address): boolean {
    const isTcp = client.transport === "tcp";
    const where = isTcp ? client.hostname : client.path;
    if (id.length + where.length > RECORD_BYTES - TEXT) return false;
    const start = word * 4 + TEXT;
    if (!this.#text(id, start) || !this.#text(where, start + id.length)) return false;
    this.#words[word + KIND] = (isTcp ? TCP : UNIX) | id.length << 8 | where.length << 16;
    this.#words[word + PORT_OR_MS] = isTcp ? client.port : 0;
    return true;
  }

  /** A loop, which is faster than an encoder for so few. */
  #text(text: string, at: number): boolean {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      this.#bytes[at + i] = code;
    }
    return true;
  }
}

/**
 * Reads what was written and not read.
 * @param ring its bytes, or a copy
 * @param take told of each, with its place among all that its worker tells; false: not yet
 * @returns how many have been read now
 */
export function readRing(
  ring: Uint8Array,
  written: number,
  read: number,
  take: (nth: number, told: Told) => boolean,
): number {
  const records = ring.length / RECORD_BYTES;
  if (((written - read) >>> 0) > records) return written; // a handler may write there
  for (; read !== written; read = (read + 1) | 0) {
    const offset = ring.byteOffset + (read & (records - 1)) * RECORD_BYTES;
    const words = new Int32Array(ring.buffer, offset, RECORD_WORDS);
    const told = readRecord(ring, words);
    if (told && !take(words[NTH], told)) break;
  }
  return read;
}

/** From where to where in a ring those records are. */
export function placesOf(read: number, written: number, bytes: number): [number, number][] {
  const length = Math.min(((written - read) >>> 0) * RECORD_BYTES, bytes);
  const start = (read & (bytes / RECORD_BYTES - 1)) * RECORD_BYTES;
  const beyond = Math.max(0, start + length - bytes);
  return [[start, start + length - beyond], ...(beyond ? [[0, beyond] as [number, number]] : [])];
}

function readRecord(ring: Uint8Array, words: Int32Array): Told | null {
  const kind = words[KIND] & 0xff;
  switch (kind) {
    case TCP:
    case UNIX: {
      const start = words.byteOffset - ring.byteOffset + TEXT;
      const end = start + (words[KIND] >> 8 & 0xff);
      const id = textOf(ring, start, end);
      const where = textOf(ring, end, end + (words[KIND] >> 16 & 0xff));
      const remoteAddr: Address = kind === TCP
        ? { transport: "tcp", hostname: where, port: words[PORT_OR_MS] }
        : { transport: "unix", path: where };
      return { type: "accepted", id, remoteAddr };
    }
    case CLOSED:
    case LOCAL: {
      const doubles = new Float64Array(ring.buffer, words.byteOffset, RECORD_BYTES / 8);
      const start = words.byteOffset - ring.byteOffset + CLOSED_TEXT;
      const closed = {
        type: "closed",
        id: textOf(ring, start, start + (words[KIND] >> 8 & 0xff)),
        bytesRead: doubles[READ],
        bytesWritten: doubles[WRITTEN],
        milliseconds: words[PORT_OR_MS],
      } as const;
      return kind === LOCAL ? { ...closed, local: true } : closed;
    }
    case TAKEN:
      return { type: "taken" };
    case VANISHED:
      return { type: "vanished" };
    default:
      return null;
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}
