/**
 * Medians, spreads, and a histogram of times.
 * @module
 */

/** The middle value; of an even number of them, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Half of the distance between the largest and the smallest, as a part of the median. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2 / middle;
}

/** How many times fell into which bucket, and the largest: what goes to another thread. */
export interface HistogramData {
  /** Pairs of a bucket's number and how many times fell into it. */
  readonly buckets: readonly (readonly [number, number])[];
  /** Microseconds. */
  readonly max: number;
}

const TICKS_PER_MILLISECOND = 10_000;
const TICKS_PER_MICROSECOND = 10;
/** Steps for each power of two: a bucket is at most 1/64 of its value wide. */
const STEPS = 64;
const LARGEST = 2 ** 31 - 1;
const BUCKETS = 26 * STEPS;

/** Times with an error below 1.6 %, in 13 KiB. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #max = 0;
  /** How many times were added. */
  total = 0;

  /** Takes a time in milliseconds. */
  add(milliseconds: number): void {
    const ticks = Math.min(LARGEST, Math.max(0, milliseconds * TICKS_PER_MILLISECOND)) | 0;
    this.#counts[bucketOf(ticks)]++;
    if (ticks > this.#max) this.#max = ticks;
    this.total++;
  }

  /** Takes those of another one. */
  addAll(data: HistogramData): void {
    for (const [bucket, count] of data.buckets) {
      this.#counts[bucket] += count;
      this.total += count;
    }
    this.#max = Math.max(this.#max, data.max * TICKS_PER_MICROSECOND);
  }

  /** The time in microseconds that `part` (0 to 1) of all times do not exceed. */
  percentile(part: number): number {
    const wanted = Math.max(1, Math.ceil(part * this.total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= wanted) {
        return Math.min(middleOf(bucket), this.#max) / TICKS_PER_MICROSECOND;
      }
    }
    return 0;
  }

  /** The largest time in microseconds. */
  get max(): number {
    return this.#max / TICKS_PER_MICROSECOND;
  }

  /** What can be sent and stored. */
  data(): HistogramData {
    const buckets: [number, number][] = [];
    this.#counts.forEach((count, bucket) => count > 0 && buckets.push([bucket, count]));
    return { buckets, max: this.max };
  }
}

/** Pairs of microseconds, the middle of a bucket, and how many times fell into it. */
export function timesOf({ buckets }: HistogramData): [number, number][] {
  return buckets.map(([bucket, count]) => [middleOf(bucket) / TICKS_PER_MICROSECOND, count]);
}

function bucketOf(ticks: number): number {
  if (ticks < STEPS) return ticks;
  const shift = 25 - Math.clz32(ticks); // so that 64 to 127 steps are left
  return ((shift + 1) << 6) + (ticks >> shift) - STEPS;
}

function middleOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = (bucket >> 6) - 1;
  return ((bucket & 63) + STEPS + 0.5) * 2 ** shift;
}
