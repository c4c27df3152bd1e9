/**
 * How long a worker lives.
 * @module
 */

/**
 * How many connections a worker serves before it is replaced: up to a fifth
 * fewer than `most`, lest workers that began together all go together.
 * @param most 0: no limit
 * @param random from 0 up to 1
 */
export function lifetime(most: number, random: number): number {
  return most === 0 ? Infinity : most - Math.floor(random * (most / 5));
}
