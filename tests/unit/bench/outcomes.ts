/** What a measurement may have found. */
import type { Measured } from "../../../src/bench/figures.ts";
import type { RunOutcome } from "../../../src/bench/measure.ts";
import { Histogram } from "../../../src/bench/statistics.ts";

/** The figures of a run in which so many messages were answered. */
export function measured(count: number, latency = 0.5): Measured {
  const times = new Histogram();
  for (let n = 0; n < 1000; n++) times.add(latency * (1 + n / 1000));
  return {
    load: {
      milliseconds: 1000,
      connected: 50,
      count,
      bytes: count * 100,
      latency: times.data(),
      fewest: 1,
      most: 2,
      answered: 50,
      unserved: 0,
      wrong: 0,
      firstWrong: null,
      failures: {},
      busy: 0.5,
    },
    cpu: 900,
    memoryBefore: 50_000,
    memory: 51_000,
    processes: 65,
    threads: 321,
    disturbance: 0,
    board: {
      model: "process",
      each: "one",
      open: 2,
      accepted: 2,
      waiting: 0,
      scoreboard: "RH__....",
      busy: null,
      memory: 22_000_000,
      workers: [{ name: "process 4711", state: "busy", open: 1, busy: null }],
    },
  };
}

/** A run for each of these figures. */
export const outcomes = (...counts: number[]): RunOutcome[] =>
  counts.map((count) => ({ measured: measured(count), notes: [] }));
/** A run that has no figures. */
export const gone: RunOutcome = { error: "died: exit code 7", wrongBytes: false };
