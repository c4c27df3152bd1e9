/**
 * Random numbers that a runtime has in store, and that every fork would give out as its own.
 * @module
 */
import { builtin } from "./builtin.ts";

/** How many there are. */
export interface RandomStore {
  /** Blocks of 256 bytes for `crypto.getRandomValues`. */
  readonly blocks: number;
  /** UUIDs, which are made of such bytes. */
  readonly uuids: number;
  /** Numbers for `randomInt` of node:crypto. */
  readonly integers: number;
}

/** Uses them up, so that the next are this process's own. */
export function useUp({ blocks, uuids, integers }: RandomStore): void {
  const block = new Uint8Array(256);
  for (let i = 0; i < blocks; i++) crypto.getRandomValues(block);
  for (let i = 0; i < uuids; i++) crypto.randomUUID();
  for (let i = 0; i < integers; i++) builtin.crypto.randomInt(2);
}
