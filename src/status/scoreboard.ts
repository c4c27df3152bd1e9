/**
 * What workers are doing, in memory that the main process can look at: while a worker waits
 * in a system call it can answer nobody. A row for each, as in Apache's scoreboard, and a ring.
 * @module
 */
import { Activity, DOINGS, HANDLER } from "../connection/activity.ts";
import type { ConnectionDoing } from "../connection/socket.ts";
import { type ClientNews, EventRing, readRing, type Told } from "./event_ring.ts";

/** Bytes of a row: a line of the processor's cache, so that no worker slows another. */
const ROW_BYTES = 64;
const ROW_WORDS = ROW_BYTES / 4;
/** Words of a row: the worker's number, 0 if it is nobody's; what it does; which connection it has. */
const NUMBER = 0;
const DOING = 1;
const COUNT = 2;
/** Its doubles: bytes in, bytes out. */
const READ = 2;
const WRITTEN = 3;
/**
 * A word behind them: as COUNT, but written before they are set to nothing, and COUNT
 * after. Read in the order of memory, bytes between two equal counts are of that connection.
 */
const BEGUN = 8;
/** Two words: how many records its ring has had, and how many of them the main process has read. */
const RECORDED = 9;
const TAKEN = 10;
/** Bytes before the rows. */
export const HEADER_BYTES = ROW_BYTES;
const HEADER_WORDS = HEADER_BYTES / 4;
/** A word there that is 1 while the main process does not look, and wants to be told. */
const SLEEPS = 0;
/** The next: how many rows, from the first one on, have ever been somebody's. */
const USED = 1;
/** What a worker does that shows it elsewhere: its row is only for its ring. */
const NOT_SHOWN = -1;

/**
 * The most rows: 260 MiB with small rings, of which those that nobody has used take no memory. Of
 * workers with large ones there are 256 at most (settings.ts).
 */
const MOST_ROWS = 65_536;

/** How many rows are enough for so many workers; replacing them, there may be twice as many. */
function rowsFor(workers: number): number {
  return Math.min(MOST_ROWS, 2 * workers + 64);
}

/** Bytes of a scoreboard for so many workers, each with a ring of so many bytes. */
export function scoreboardSize(workers: number, ring: number): number {
  return rowsSize(workers) + ring * rowsFor(workers);
}

/** Bytes of that part of it which is header and rows; the rings follow. */
export function rowsSize(workers: number): number {
  return HEADER_BYTES + ROW_BYTES * rowsFor(workers);
}

/** How many rows a whole scoreboard has. */
function rowsOf(memory: ArrayBufferLike, ring: number): number {
  return (memory.byteLength - HEADER_BYTES) / (ROW_BYTES + ring);
}

/** Bytes from the start in which all rows are that anybody has used. */
export function usedBytes(rows: Int32Array): number {
  const used = rows[USED] >>> 0;
  return Math.min(HEADER_BYTES + ROW_BYTES * used, rows.byteLength); // a handler may write there
}

/** A worker's connection, as its row tells. */
export interface RowRead {
  /** How many connections the worker has had with this one. */
  readonly count: number;
  readonly doing: ConnectionDoing;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Of each row that is somebody's the word where it begins, and the worker's number. */
function* rowsInUse(words: Int32Array): Generator<readonly [word: number, number: number]> {
  const end = usedBytes(words) / 4;
  for (let word = HEADER_WORDS; word < end; word += ROW_WORDS) {
    const number = words[word + NUMBER];
    if (number !== 0) yield [word, number];
  }
}

/**
 * The rows that show something, by the worker's number; null for a worker that has no connection.
 * @param words header and rows, or a copy
 */
export function readRows(words: Int32Array): Map<number, RowRead | null> {
  const doubles = new Float64Array(words.buffer, words.byteOffset, words.length / 2);
  const rows = new Map<number, RowRead | null>();
  for (const [word, number] of rowsInUse(words)) {
    if (words[word + DOING] === NOT_SHOWN) continue;
    const double = word / 2;
    const doing = DOINGS[words[word + DOING] - 1];
    const count = words[word + COUNT];
    const bytesRead = doubles[double + READ];
    const bytesWritten = doubles[double + WRITTEN];
    const isWhole = words[word + BEGUN] === count;
    rows.set(number, doing && isWhole ? { count, doing, bytesRead, bytesWritten } : null);
  }
  return rows;
}

/** Takes what a worker tells, its `nth`; false: not yet. */
export type Take = (number: number, nth: number, told: Told) => boolean;

/**
 * Reads what workers tell.
 * @param words header and rows, or a copy
 * @param ringOf the bytes of a row's ring, of which those are looked at that were written and not read
 * @param write writes a word there, whole: the worker reads it meanwhile
 */
export function readRings(
  words: Int32Array,
  ringOf: (row: number, read: number, written: number) => Uint8Array,
  write: (word: number, value: number) => void,
  take: Take,
): void {
  for (const [word, number] of rowsInUse(words)) {
    const recorded = Atomics.load(words, word + RECORDED);
    const taken = words[word + TAKEN];
    if (recorded === taken) continue;
    const ring = ringOf((word - HEADER_WORDS) / ROW_WORDS, taken, recorded);
    const now = readRing(ring, recorded, taken, (nth, told) => take(number, nth, told));
    write(word + TAKEN, now);
  }
}

/** Says whether whoever reads the memory wants to be told of changes. */
export function setSleeping(memory: ArrayBufferLike, sleeps: boolean): void {
  Atomics.store(new Int32Array(memory), SLEEPS, sleeps ? 1 : 0); // in one order with loads of RECORDED
}

/**
 * Gives the row of a worker back that is gone.
 * @param words header and rows, or a copy
 * @param write writes there, from a byte on
 */
export function freeRow(
  words: Int32Array,
  number: number,
  write: (bytes: Uint8Array, offset: number) => void,
): void {
  for (const [word, whose] of rowsInUse(words)) {
    if (whose !== number) continue;
    // Another worker may claim it as soon as its number is gone.
    const offset = 4 * word;
    write(new Uint8Array(ROW_BYTES - 4), offset + 4);
    write(new Uint8Array(4), offset);
  }
}

/** A worker's own row, once it has claimed one. */
export class ScoreRow {
  /** Tells in the row what a socket does, if the row shows it. */
  readonly activity: Activity = new Activity();
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #ring: EventRing;
  readonly #ringWords: number;
  /** How many rows there are. */
  readonly #rows: number;
  /** The word where it begins. */
  #word = 0;

  /** @param ring bytes of each ring */
  constructor(memory: ArrayBufferLike, ring: number) {
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#rows = rowsOf(memory, ring);
    this.#ring = new EventRing(this.#words, this.#doubles, ring);
    this.#ringWords = ring / 4;
  }

  /**
   * Takes a row for the worker of this number, which is not 0; whether one was free.
   * @param shows whether it shows there what the worker does
   */
  claim(number: number, shows: boolean): boolean {
    const words = this.#words;
    const end = HEADER_WORDS + ROW_WORDS * this.#rows;
    for (let word = HEADER_WORDS; word < end; word += ROW_WORDS) {
      if (words[word] === 0 && Atomics.compareExchange(words, word, 0, number) === 0) {
        const row = (word - HEADER_WORDS) / ROW_WORDS;
        for (let used; (used = Atomics.load(words, USED)) <= row;) {
          Atomics.compareExchange(words, USED, used, row + 1);
        }
        this.#word = word;
        if (shows) this.activity.moveTo(words, this.#doubles, word + DOING, word / 2 + READ);
        this.#ring.moveTo(end + this.#ringWords * row, word + RECORDED);
        words[word + DOING] = shows ? 0 : NOT_SHOWN;
        words[word + COUNT] = words[word + BEGUN] = 0;
        return true;
      }
    }
    return false;
  }

  /** The worker's next connection begins: its client was let in. */
  begin(): void {
    const [words, word] = [this.#words, this.#word];
    const count = ++words[word + BEGUN];
    this.#doubles[word / 2 + READ] = this.#doubles[word / 2 + WRITTEN] = 0;
    words[word + COUNT] = count;
    words[word + DOING] = HANDLER;
  }

  /** Tells what has happened, its `nth`; whether it could, see {@linkcode EventRing.write}. */
  tell(nth: number, event: ClientNews): boolean {
    return this.#ring.write(nth, event);
  }

  /** Whether the main process must be told that there is something to see. */
  get wantsTelling(): boolean {
    return Atomics.load(this.#words, SLEEPS) !== 0;
  }
}
