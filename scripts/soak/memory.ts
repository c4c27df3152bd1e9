/**
 * Whether memory has come to a plateau.
 * @module
 */

/** What the server held at one time, in KiB. */
export interface Sample {
  readonly seconds: number;
  /** How many connections there had been. */
  readonly done: number;
  readonly main: number;
  readonly worker: number;
}

/** A run that is shorter says nothing: runtimes grow until they first collect everything. */
const SHORTEST = 300;
/** What the last quarter may be above the second: a tenth, or 8 MiB where that is more. */
const ROOM = 0.1;
const LEAST_ROOM = 8 << 10;

/**
 * The rule: of each quarter of the run the median counts, because a runtime
 * collects when it likes to. The first quarter is for warming up; in the last,
 * the main process and the mean of the workers may hold a tenth (or 8 MiB) more
 * than in the second, whatever the number of connections between.
 * @returns what is to be told
 */
export function steadiness(samples: readonly Sample[], complain: (text: string) => void): string[] {
  if (samples.length === 0) return [];
  const judged = samples.at(-1)!.seconds >= SHORTEST;
  const quarter = (number: number) => {
    const total = samples.at(-1)!.seconds;
    return samples.filter(({ seconds }) =>
      seconds > total * (number - 1) / 4 && seconds <= total * number / 4
    );
  };
  return (["main", "worker"] as const).flatMap((what) => {
    const medians = [1, 2, 3, 4].map((number) => median(quarter(number).map((one) => one[what])));
    if (medians[3] === 0) return [];
    const name = what === "main" ? "the main process" : "a worker, at the mean,";
    const text = `${name} held ${
      medians.map((kilobytes) => (kilobytes / 1024).toFixed(1)).join(", ")
    } ` +
      "MiB in the quarters of the run";
    if (judged && medians[3] > medians[1] + Math.max(medians[1] * ROOM, LEAST_ROOM)) complain(text);
    return [text + (judged ? "" : " (too short to judge)")];
  });
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
