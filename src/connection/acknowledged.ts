/**
 * To wait for what was written to come to the peer's machine.
 * @module
 */
import { delay } from "./delay.ts";

/** Milliseconds between two looks: at first, and at last. */
const FIRST_LOOK = 1;
const LAST_LOOK = 50;

/** When to look, for so many milliseconds: how long to wait before each look. */
export function* looks(milliseconds: number): Generator<number> {
  const end = performance.now() + milliseconds;
  for (let wait = FIRST_LOOK;; wait = Math.min(2 * wait, LAST_LOOK)) {
    const left = end - performance.now();
    if (left <= 0) return;
    yield Math.min(wait, Math.ceil(left));
  }
}

/**
 * Resolves when all is acknowledged, or after so many milliseconds. Nothing tells of it,
 * so it is looked at; mostly it is so at once, or when the peer has waited with its
 * answer for the 40 ms that RFC 1122 (4.2.3.2) allows.
 * @param unacknowledged how many bytes are not
 */
export async function acknowledged(
  unacknowledged: () => number,
  milliseconds: number,
): Promise<void> {
  if (milliseconds === 0 || unacknowledged() === 0) return;
  for (const wait of looks(milliseconds)) {
    await delay(wait);
    if (unacknowledged() === 0) return;
  }
}
