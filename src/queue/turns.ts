/**
 * Which of several workers takes the client that waits in the queue that they
 * share: the one with the fewest, and never one that is busy while another is free.
 * @module
 */

import { LINE_WORDS } from "./board.ts";

/** What a board of counts can do; see board.ts. */
export interface Counts {
  /** Writes a worker's line. */
  write(line: number, open: number, takes: boolean): void;
  /** For each worker: connections that are open, whether it takes more, how often it wrote. */
  read(): Int32Array;
}

/** What a worker may do about a client that waits. */
export type Turn =
  /** Take it; the place is reserved. */
  | "mine"
  /** Let those with fewer go first, for a moment. */
  | "others"
  /** Wait for a place. */
  | "full";

/** A worker with at most an eighth more than the one with the fewest need not wait for it. */
const SLACK = 8;
/**
 * Milliseconds that workers with fewer connections have to go first. Longer than
 * the system lets a ready process wait for a processor, so that only one that
 * computes is passed over.
 */
export const HEAD_START = 20;
/** Clients that are taken before a worker that did not come is waited for again; then twice as many. */
const FIRST_PLACES = 4;

/** A worker that is let go first. */
interface LetGo {
  /** How often it had written when it was let go. */
  readonly wrote: number;
  /** When that was. */
  readonly since: number;
}

/** A worker that was let go first and did not come. */
interface Busy {
  /** How often it had written then. */
  readonly wrote: number;
  /** How many clients it was passed over for. */
  readonly places: number;
  /** How many of them are still to come. */
  left: number;
}

/** One worker's turns. */
export class Turns {
  readonly #counts: Counts;
  readonly #line: number;
  readonly #most: number;
  readonly #own: number;
  #open = 0;
  #takes = true;
  /** Workers with fewer that are let go first. */
  #letGo = new Map<number, LetGo>();
  /** Those of them that did not come, and have not been heard of since: they compute. */
  readonly #busy = new Map<number, Busy>();
  /** Workers that were found busy just now. */
  #found: number[] = [];

  /**
   * @param line the worker's own
   * @param most connections of all workers together
   * @param own connections of this worker
   */
  constructor(counts: Counts, line: number, most: number, own: number) {
    this.#counts = counts;
    this.#line = line;
    this.#most = most;
    this.#own = own;
    this.#write();
  }

  /**
   * Whose turn it is. Reserves a place if it is this worker's, which must then
   * say what came of it: `missed`, or, when its client has gone, `left`.
   * @param now milliseconds, of a clock that only goes forward
   */
  claim(now: number): Turn {
    if (this.#open >= this.#own) return "full";
    const lines = this.#counts.read();
    const workers = lines.length / LINE_WORDS;
    let total = 0;
    const behind = new Map<number, LetGo>();
    this.#found = [];
    for (let line = 0; line < workers; line++) {
      const at = LINE_WORDS * line;
      const open = lines[at];
      const takes = lines[at + 1];
      const wrote = lines[at + 2];
      total += open;
      if (line === this.#line || takes === 0) continue;
      if (this.#open <= open + Math.floor(open / SLACK)) continue;
      const busy = this.#busy.get(line);
      if (busy?.wrote === wrote && busy.left > 0) continue;
      // One that has been heard of since has its time again.
      const before = this.#letGo.get(line);
      const letGo = before?.wrote === wrote ? before : { wrote, since: now };
      behind.set(line, letGo);
      if (now - letGo.since >= HEAD_START) this.#found.push(line);
    }
    this.#letGo = behind;
    if (total >= this.#most) return "full";
    if (behind.size > this.#found.length) return "others";
    for (const line of this.#found) this.#passOver(line, behind.get(line)!.wrote);
    this.begin();
    for (const busy of this.#busy.values()) busy.left--;
    this.#open++;
    this.#write();
    // Others may have reserved the last place meanwhile.
    if (this.#total() > this.#most) {
      this.left();
      return "full";
    }
    return "mine";
  }

  /** Another client may have come: whoever had a head start for the last has one for this. */
  begin(): void {
    this.#letGo.clear();
  }

  /** Nobody was there: who was let go first may have been the one who took the client. */
  missed(): void {
    for (const line of this.#found) this.#busy.delete(line);
    this.left();
  }

  /** A connection has ended. */
  left(): void {
    this.#open--;
    this.#write();
  }

  /** It takes no more. */
  end(): void {
    this.#takes = false;
    this.#write();
  }

  #passOver(line: number, wrote: number): void {
    const before = this.#busy.get(line);
    const places = before?.wrote === wrote ? 2 * before.places : FIRST_PLACES;
    this.#busy.set(line, { wrote, places, left: places });
  }

  #write(): void {
    this.#counts.write(this.#line, this.#open, this.#takes);
  }

  #total(): number {
    const lines = this.#counts.read();
    let total = 0;
    // In one order with its own write before: of two that reserve the last place one sees both.
    for (let at = 0; at < lines.length; at += LINE_WORDS) total += Atomics.load(lines, at);
    return total;
  }
}
