/**
 * `Math.random` of a process that may be forked: the engine's own would give the same
 * numbers in every child, and cannot be told to begin elsewhere.
 * @module
 */

/** A generator in the place of `Math.random`. */
export interface OwnRandom {
  /** Begins elsewhere, in each process that calls it. */
  renew(): void;
  /** Gives the place back, where nobody will fork. */
  remove(): void;
}

/**
 * Replaces `Math.random`, also for whoever keeps the function that it is now.
 * @param fill writes random bytes, other ones in every process
 */
export function installOwnRandom(fill: (bytes: Uint8Array) => void): OwnRandom {
  const engines = Math.random;
  // xoshiro128**, by Blackman and Vigna: 128 bits of state, of which none may be all 0.
  const state = new Uint32Array(4);
  const bytes = new Uint8Array(state.buffer);
  const renew = () => {
    do fill(bytes); while ((state[0] | state[1] | state[2] | state[3]) === 0);
  };
  const next = () => {
    const fivefold = Math.imul(state[1], 5);
    const result = Math.imul(fivefold << 7 | fivefold >>> 25, 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3] << 11 | state[3] >>> 21;
    return result;
  };
  renew();
  // 53 bits, as many as a number has below 1.
  Math.random = function random() {
    return ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  };
  return { renew, remove: () => void (Math.random = engines) };
}
