/**
 * The name that somebody may have meant.
 * @module
 */

/** Letters that are more than a syllable. */
const SHORTEST_PART = 3;

/**
 * The name that is most like the one that was given: written another way
 * (`max_connections`), a slip or two away (`prot`), or the same in part (`host`), the shortest.
 * Undefined if none is like it.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const mine = plain(given);
  const most = Math.max(1, Math.floor(mine.length / 3));
  const slips = names.map((name) => slipsBetween(mine, plain(name)));
  const fewest = Math.min(...slips);
  if (fewest <= most) return names[slips.indexOf(fewest)];
  if (mine.length < SHORTEST_PART) return undefined;
  return names.filter((name) => plain(name).includes(mine) || mine.startsWith(plain(name)))
    .sort((a, b) => a.length - b.length)[0];
}

/** Without what people write differently. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

/** How many letters were left out, put in, mistaken, or swapped with the next. */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + (same ? 0 : 1));
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}
