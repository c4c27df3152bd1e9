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
  return ROW_BYTES * Math.min(MOST_ROWS, 2 * workers + 64);
}

/** A worker's connection, as its row tells. */
export interface RowRead {
  /** How many connections the worker has had with this one. */
  readonly count: number;
  readonly doing: ConnectionDoing;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** The rows in use, by the worker's number; null for a worker that has no connection. */
export function readRows(memory: ArrayBufferLike): Map<number, RowRead | null> {
  const words = new Int32Array(memory);
  const doubles = new Float64Array(memory);
  const rows = new Map<number, RowRead | null>();
  for (let row = 0; row * ROW_WORDS < words.length; row++) {
    const number = words[row * ROW_WORDS + NUMBER];
    if (number === 0) continue;
    const doing = DOINGS[words[row * ROW_WORDS + DOING]];
    const count = words[row * ROW_WORDS + COUNT];
    const bytesRead = doubles[row * ROW_DOUBLES + READ];
    const bytesWritten = doubles[row * ROW_DOUBLES + WRITTEN];
    const isWhole = words[row * ROW_WORDS + BEGUN] === count;
    rows.set(number, doing && isWhole ? { count, doing, bytesRead, bytesWritten } : null);
  }
  return rows;
}

/** Gives the row of a worker back that is gone; where it begins, -1 if it had none. */
export function freeRow(memory: ArrayBufferLike, number: number): number {
  const words = new Int32Array(memory);
  for (let word = 0; word < words.length; word += ROW_WORDS) {
    if (words[word + NUMBER] !== number) continue;
    words[word + DOING] = words[word + NUMBER] = 0;
    return word * 4;
  }
  return -1;
}

/** A worker's own row. */
export class ScoreRow {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  /** A row for the worker of this number; null if all are taken. */
  static claim(memory: ArrayBufferLike, number: number): ScoreRow | null {
    const words = new Int32Array(memory);
    for (let word = 0; word < words.length; word += ROW_WORDS) {
      if (words[word] === 0 && Atomics.compareExchange(words, word, 0, number) === 0) {
        return new ScoreRow(memory, word * 4);
      }
    }
    return null;
  }

  constructor(memory: ArrayBufferLike, offset: number) {
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
    this.#words[DOING] = HANDLER;
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
