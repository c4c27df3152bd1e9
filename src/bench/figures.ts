/**
 * What a run of a server gives, and the figures that are made of it.
 * @module
 */
import type { ServerStatus, WorkerStatus } from "../status/server_status.ts";
import type { LoadResult } from "./load_messages.ts";
import { Histogram, type HistogramData } from "./statistics.ts";
import { formatMemory, formatTime } from "./units.ts";

/** What one run of one server gave. */
export interface Measured {
  readonly load: LoadResult;
  /** Milliseconds of CPU time that the server's processes used while it counted. */
  readonly cpu: number;
  /** Kilobytes of the server's processes before the clients came, and with them. */
  readonly memoryBefore: number;
  readonly memory: number;
  readonly processes: number;
  readonly threads: number;
  /** The part of the machine that other processes used meanwhile. */
  readonly disturbance: number;
  /** What the server told of itself at the end, with its connections still open; null if it tells nothing. */
  readonly board: Board | null;
}

/** What is kept of a server's status. */
export type Board =
  & Pick<
    ServerStatus,
    "model" | "each" | "open" | "waiting" | "scoreboard" | "busy" | "memory"
  >
  & {
    readonly accepted: number;
    readonly workers: readonly Pick<WorkerStatus, "name" | "state" | "open" | "busy">[];
  };

/** A number that a run gives, and how people read it. */
export interface Figure {
  /** Its name in JSON. */
  readonly key: string;
  /** Above its column. */
  readonly heading: string;
  readonly of: (run: Measured) => number | null;
  readonly format: (value: number) => string;
  /** Of several rounds the largest counts, and not the median. */
  readonly largest?: boolean;
  /** Another one that shares its column. */
  readonly beside?: Figure;
}

/** So many in a run, for each second. */
export const perSecond = (count: number, run: Measured): number =>
  count / (run.load.milliseconds / 1000);

const histograms = new WeakMap<HistogramData, Histogram>();

function histogram(run: Measured): Histogram {
  let made = histograms.get(run.load.latency);
  if (!made) {
    made = new Histogram();
    made.addAll(run.load.latency);
    histograms.set(run.load.latency, made);
  }
  return made;
}

function latency(key: string, of: (times: Histogram) => number): Figure {
  return {
    key: `${key}Microseconds`,
    heading: key,
    of: (run) => histogram(run).total === 0 ? null : of(histogram(run)),
    format: formatTime,
  };
}

/** From the usual one to the longest. */
export const LATENCY: readonly Figure[] = [
  latency("p50", (times) => times.percentile(0.5)),
  latency("p99", (times) => times.percentile(0.99)),
  latency("p99.9", (times) => times.percentile(0.999)),
  { ...latency("max", (times) => times.max), largest: true },
];

/** What the server computes for one of what is counted. */
export function cpuFor(what: string): Figure {
  return {
    key: `cpuMicrosecondsPer${what[0].toUpperCase()}${what.slice(1)}`,
    heading: `CPU a\n${what}`,
    of: (run) => run.load.count === 0 ? null : run.cpu * 1000 / run.load.count,
    format: formatTime,
  };
}

/** What a client adds to the server's memory. */
export const MEMORY: Figure = {
  key: "memoryKibPerConnection",
  heading: "memory a\nconnection",
  of: (run) =>
    run.load.connected === 0
      ? null
      : Math.max(0, run.memory - run.memoryBefore) / run.load.connected,
  format: formatMemory,
};

const THREADS: Figure = {
  key: "threads",
  heading: "threads",
  of: (run) => run.threads,
  format: (value) => value.toFixed(0),
};

/** The server's processes, and beside them its threads. */
export const PROCESSES: Figure = {
  ...THREADS,
  key: "processes",
  heading: "procs/\nthreads",
  of: (run) => run.processes,
  beside: THREADS,
};
