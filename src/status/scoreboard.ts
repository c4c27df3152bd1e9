/**
 * What workers that block are doing, in memory that the main process can look at:
 * while a worker waits in a system call it can answer nobody. A row for each, as in
 * Apache's scoreboard.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { PeerLimits } from "../connection/slow_peer.ts";
import type { ConnectionDoing, WholeBlockingSocket } from "../connection/socket.ts";

/** Bytes of a row: a line of the processor's cache, so that no worker slows another. */
const ROW_BYTES = 64;
const ROW_WORDS = ROW_BYTES / 4;
const ROW_DOUBLES = ROW_BYTES / 8;
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
/** Bytes before the rows. */
export const HEADER_BYTES = ROW_BYTES;
const HEADER_WORDS = HEADER_BYTES / 4;
/** A word there that is 1 while the main process does not look, and wants to be told. */
const SLEEPS = 0;
/** The next: how many rows, from the first one on, have ever been somebody's. */
const USED = 1;

const DOINGS: readonly (ConnectionDoing | null)[] = [
  null,
  "reads",
  "writes",
  "handler",
  "lingers",
];
const [READS, WRITES, HANDLER, LINGERS] = [1, 2, 3, 4];

/** The most rows: 4 MiB, of which those that nobody has used take no memory. */
const MOST_ROWS = 65_536;

/** Bytes of a scoreboard for so many workers; replacing them, there may be twice as many. */
export function scoreboardSize(workers: number): number {
  return HEADER_BYTES + ROW_BYTES * Math.min(MOST_ROWS, 2 * workers + 64);
}

/** Bytes from the start in which all is that anybody has written. */
export function usedBytes(memory: ArrayBufferLike): number {
  const rows = new Uint32Array(memory, 0, HEADER_WORDS)[USED];
  return Math.min(HEADER_BYTES + ROW_BYTES * rows, memory.byteLength); // a handler may write there
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
  const end = usedBytes(words.buffer) / 4;
  for (let word = HEADER_WORDS; word < end; word += ROW_WORDS) {
    const number = words[word + NUMBER];
    if (number !== 0) yield [word, number];
  }
}

/** The rows in use, by the worker's number; null for a worker that has no connection. */
export function readRows(memory: ArrayBufferLike): Map<number, RowRead | null> {
  const words = new Int32Array(memory);
  const doubles = new Float64Array(memory);
  const rows = new Map<number, RowRead | null>();
  for (const [word, number] of rowsInUse(words)) {
    const double = word / 2;
    const doing = DOINGS[words[word + DOING]];
    const count = words[word + COUNT];
    const bytesRead = doubles[double + READ];
    const bytesWritten = doubles[double + WRITTEN];
    const isWhole = words[word + BEGUN] === count;
    rows.set(number, doing && isWhole ? { count, doing, bytesRead, bytesWritten } : null);
  }
  return rows;
}

/** Whether a worker has a connection, and a number that grows with each, and with each prelude. */
export interface Busy {
  readonly isBusy: boolean;
  readonly count: number;
}

/** The same of the rows in use, by the worker's number. */
export function readBusy(memory: ArrayBufferLike): Map<number, Busy> {
  const words = new Int32Array(memory);
  const rows = new Map<number, Busy>();
  for (const [word, number] of rowsInUse(words)) {
    const isBusy = Atomics.load(words, word + DOING) !== 0;
    rows.set(number, { isBusy, count: words[word + BEGUN] });
  }
  return rows;
}

/** Says whether whoever reads the memory wants to be told of changes. */
export function setSleeping(memory: ArrayBufferLike, sleeps: boolean): void {
  Atomics.store(new Int32Array(memory), SLEEPS, sleeps ? 1 : 0); // in one order with loads of DOING
}

/**
 * Gives the row of a worker back that is gone.
 * @param memory or a copy of it
 * @param write writes there, from a byte on
 */
export function freeRow(
  memory: ArrayBufferLike,
  number: number,
  write: (bytes: Uint8Array, offset: number) => void,
): void {
  for (const [word, whose] of rowsInUse(new Int32Array(memory))) {
    if (whose !== number) continue;
    // Another worker may claim it as soon as its number is gone.
    const offset = 4 * word;
    write(new Uint8Array(ROW_BYTES - 4), offset + 4);
    write(new Uint8Array(4), offset);
  }
}

/** A worker's own row. */
export class ScoreRow {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  /** A row for the worker of this number; null if all are taken. */
  static claim(memory: ArrayBufferLike, number: number): ScoreRow | null {
    const words = new Int32Array(memory);
    for (let word = HEADER_WORDS; word < words.length; word += ROW_WORDS) {
      if (words[word] === 0 && Atomics.compareExchange(words, word, 0, number) === 0) {
        const rows = (word - HEADER_WORDS) / ROW_WORDS + 1;
        for (let used; (used = Atomics.load(words, USED)) < rows;) {
          Atomics.compareExchange(words, USED, used, rows);
        }
        return new ScoreRow(memory, word * 4);
      }
    }
    return null;
  }

  constructor(memory: ArrayBufferLike, offset: number) {
    this.#header = new Int32Array(memory, 0, HEADER_WORDS);
    this.#words = new Int32Array(memory, offset, ROW_WORDS);
    this.#doubles = new Float64Array(memory, offset, ROW_DOUBLES);
    this.#words[DOING] = 0;
    this.#words[COUNT] = this.#words[BEGUN] = 0;
  }

  /** The worker's next connection begins: its client was let in. */
  begin(): void {
    const count = ++this.#words[BEGUN];
    this.#doubles[READ] = this.#doubles[WRITTEN] = 0;
    this.#words[COUNT] = count;
    Atomics.store(this.#words, DOING, HANDLER); // before `wantsTelling` is read
  }

  /** It has ended, and nobody {@linkcode watch}ed it. */
  end(): void {
    Atomics.store(this.#words, DOING, 0);
  }

  /** Whether the main process must be told that there is something to see. */
  get wantsTelling(): boolean {
    return Atomics.load(this.#header, SLEEPS) !== 0;
  }

  /** The same socket, which tells in the row what is done with it. */
  watch(socket: WholeBlockingSocket): WholeBlockingSocket {
    return new WatchedSocket(socket, this.#words, this.#doubles);
  }
}

/** A blocking socket that tells what is done with it. */
class WatchedSocket implements WholeBlockingSocket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #socket: WholeBlockingSocket;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  #finSent = false;
  #lingers = false;
  #closed = false;

  constructor(socket: WholeBlockingSocket, words: Int32Array, doubles: Float64Array) {
    this.#socket = socket;
    this.#words = words;
    this.#doubles = doubles;
    this.localAddr = socket.localAddr;
    this.remoteAddr = socket.remoteAddr;
  }

  read(buffer: Uint8Array): number | null {
    this.#words[DOING] = this.#lingers ? LINGERS : READS;
    const length = this.#socket.read(buffer) as number | null;
    this.#words[DOING] = this.#lingers ? LINGERS : HANDLER;
    if (length !== null && !this.#lingers) this.#doubles[READ] += length;
    return length;
  }

  write(bytes: Uint8Array): number {
    this.#words[DOING] = WRITES;
    const length = this.#socket.write(bytes) as number;
    this.#words[DOING] = HANDLER;
    this.#doubles[WRITTEN] += length;
    return length;
  }

  writePieces(pieces: readonly Uint8Array[]): number {
    this.#words[DOING] = WRITES;
    const length = this.#socket.writePieces(pieces);
    this.#words[DOING] = HANDLER;
    this.#doubles[WRITTEN] += length;
    return length;
  }

  closeWrite(): void | Promise<void> {
    this.#finSent = true;
    return this.#socket.closeWrite();
  }

  close(): void {
    this.#closed = true;
    this.#words[DOING] = 0;
    this.#socket.close();
  }

  reset(linger: number): void | Promise<void> {
    this.#closed = true;
    this.#words[DOING] = LINGERS;
    const resetting = this.#socket.reset(linger);
    this.#words[DOING] = 0;
    return resetting;
  }

  setTimeout(milliseconds: number): void {
    // Only `SocketConnection.finish` sets one after FIN, and what comes then it discards.
    if (this.#finSent && !this.#closed) {
      this.#lingers = true;
      this.#words[DOING] = LINGERS;
    }
    this.#socket.setTimeout(milliseconds);
  }

  waitReadable(milliseconds: number): boolean {
    this.#words[DOING] = READS;
    const isReadable = this.#socket.waitReadable(milliseconds);
    this.#words[DOING] = HANDLER;
    return isReadable;
  }

  setDeadline(milliseconds: number): void {
    this.#socket.setDeadline(milliseconds);
  }

  uncount(): void {
    this.#doubles[READ] = 0;
  }

  setPeerLimits(limits: PeerLimits | null): void {
    this.#socket.setPeerLimits(limits);
  }
}
