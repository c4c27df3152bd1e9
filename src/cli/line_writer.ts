/**
 * The log's way out. A reader that is slow loses lines, which are counted; it
 * stalls nobody.
 * @module
 */
import { patience } from "../connection/delay.ts";

/**
 * How many characters may wait for a slow reader, beside those that are being
 * written: some 13,000 lines, so that a file gets them all even after the main
 * thread had no processor for seconds.
 */
const LARGEST_QUEUE = 1024 * 1024;

/** Writes lines in order, and drops what comes while too many wait. */
export class LineWriter {
  readonly #write: (text: string) => Promise<void>;
  #queue = "";
  #writing: Promise<void> | null = null;
  #dropped = 0;
  readonly #onDropped: (count: number) => string;

  constructor(
    write: (text: string) => Promise<void>,
    onDropped: (count: number) => string,
  ) {
    this.#write = write;
    this.#onDropped = onDropped;
  }

  /** Writes a line, or counts it as dropped. */
  line(text: string): void {
    if (this.#queue.length >= LARGEST_QUEUE) return void this.#dropped++;
    this.#queue += text + "\n";
    this.#writing ??= this.#drain();
  }

  /** Resolves when all is written; gives up on a reader after `milliseconds`. */
  async flush(milliseconds: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const stopWaiting = patience(milliseconds, resolve);
    await Promise.race([this.#writing, late]);
    stopWaiting();
  }

  async #drain(): Promise<void> {
    await null; // lines of one turn go out together
    try {
      while (this.#queue.length > 0) {
        const lines = this.#queue;
        this.#queue = "";
        await this.#write(lines);
        if (this.#dropped > 0) {
          this.#queue += this.#onDropped(this.#dropped) + "\n";
          this.#dropped = 0;
        }
      }
    } catch {
      // Whoever read the log has gone; the server goes on.
    }
    this.#writing = null;
  }
}
