/**
 * Several pieces that are one write: few, so that they are one system call or two.
 * @module
 */

/** Up to so many bytes are copied: one more piece costs a call as much. */
const SMALL = 1024;
/** Where no call takes several pieces, so many bytes are copied into one: then a second call costs less. */
const LARGEST_COPY = 65536;

/**
 * The same bytes in fewer pieces: small ones are copied together, and none is empty.
 * @param gathers whether one call can take several, so that large ones stay where they are
 */
export function fewer(pieces: readonly Uint8Array[], gathers: boolean): Uint8Array[] {
  const total = lengthOf(pieces);
  if (total <= (gathers ? SMALL : LARGEST_COPY)) return total === 0 ? [] : [joined(pieces)];
  const few: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const join = () => {
    if (small.length > 0) few.push(joined(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (piece.length <= SMALL) small.push(piece);
    else {
      join();
      few.push(piece);
    }
  }
  join();
  return few;
}

/** What is left of the pieces behind so many bytes. */
export function behind(pieces: readonly Uint8Array[], length: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  for (const piece of pieces) {
    if (length < piece.length) left.push(length === 0 ? piece : piece.subarray(length));
    length = Math.max(0, length - piece.length);
  }
  return left;
}

/** How many bytes they are. */
export function lengthOf(pieces: readonly Uint8Array[]): number {
  let total = 0;
  for (const piece of pieces) total += piece.length;
  return total;
}

/** One piece, copied. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  // V8 moves the bytes of a small array that has no buffer of its own, also between
  // the moment when a C function is told where they are and its call.
  const all = new Uint8Array(new ArrayBuffer(lengthOf(pieces)));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
