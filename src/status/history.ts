/**
 * The last minutes, a value a second.
 * @module
 */
import type { StatusHistory } from "./server_status.ts";

/** Seconds that are kept. */
const LENGTH = 180;

/** Counts that only grow, and values as they are now. */
export interface Sample {
  readonly open: number;
  readonly waiting: number;
  readonly accepted: number;
  readonly failed: number;
  readonly bytes: number;
}

/** Keeps so many samples and no more. */
export class History {
  readonly #columns = {
    open: [] as number[],
    accepted: [] as number[],
    failed: [] as number[],
    bytes: [] as number[],
    waiting: [] as number[],
  };
  #last: Sample = { open: 0, waiting: 0, accepted: 0, failed: 0, bytes: 0 };

  /** Of counts it keeps by how much they have grown. */
  add(sample: Sample): void {
    const last = this.#last;
    this.#last = sample;
    const { open, accepted, failed, bytes, waiting } = this.#columns;
    open.push(sample.open);
    waiting.push(sample.waiting);
    accepted.push(sample.accepted - last.accepted);
    failed.push(sample.failed - last.failed);
    bytes.push(sample.bytes - last.bytes);
    for (const column of Object.values(this.#columns)) if (column.length > LENGTH) column.shift();
  }

  /** As it is now. */
  get all(): StatusHistory {
    return structuredClone(this.#columns);
  }
}
