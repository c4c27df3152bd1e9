/**
 * How many descriptors this process may have, and whether enough are left.
 * @module
 */
import type { Libc } from "./libc.ts";

/** How many descriptors this process may have, see getrlimit(2). */
export function descriptorLimit(libc: Libc): number {
  const limits = new BigUint64Array(2); // soft, hard
  const bytes = new Uint8Array(limits.buffer);
  const { RLIMIT_NOFILE } = libc.constants;
  libc.check("getrlimit", libc.functions.getrlimit(RLIMIT_NOFILE, bytes));
  return Number(limits[0]);
}

/**
 * Makes sure that so many descriptors are left.
 * @param any an open one, to copy
 * @throws {SystemError} with EMFILE or ENFILE if fewer are left
 */
export function demandDescriptors(libc: Libc, count: number, any: number): void {
  const copies: number[] = [];
  try {
    while (copies.length < count) copies.push(libc.duplicate(any));
  } finally {
    for (const copy of copies) libc.close(copy);
  }
}
