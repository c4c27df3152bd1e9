/**
 * What is measured: the scenarios, and the figures that each gives.
 * @module
 */
import type { Load, LoadResult } from "./load.ts";
import { Histogram, type HistogramData } from "./statistics.ts";

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
}

/** A number that a run gives, and how people read it. */
export interface Figure {
  /** Its name in JSON. */
  readonly key: string;
  /** Above its column. */
  readonly heading: string;
  readonly of: (run: Measured) => number | null;
  readonly format: (value: number) => string;
  /** Another one that shares its column. */
  readonly beside?: Figure;
}

/** A kind of load, with what it is measured by. */
export interface Scenario {
  readonly load: Load;
  /** One sentence for the help and the reports. */
  readonly about: (connections: number, size: number) => string;
  readonly connections: number;
  readonly size: number;
  /** What servers are compared by, and whether less is better. */
  readonly main: Figure;
  readonly lessIsBetter: boolean;
  /** The other figures. */
  readonly figures: readonly Figure[];
}

/** 12,345 or 12.3 or 1.23: three digits at least. */
export function formatNumber(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Microseconds, in the unit that suits. */
export function formatTime(microseconds: number): string {
  if (microseconds < 999.5) return `${formatNumber(microseconds)} µs`;
  if (microseconds < 999_500) return `${formatNumber(microseconds / 1e3)} ms`;
  return `${formatNumber(microseconds / 1e6)} s`;
}

/** Kilobytes, in the unit that suits. */
export function formatMemory(kilobytes: number): string {
  return kilobytes < 1023.5
    ? `${formatNumber(Math.max(0, kilobytes))} KiB`
    : `${formatNumber(kilobytes / 1024)} MiB`;
}

const perSecond = (count: number, run: Measured) => count / (run.load.milliseconds / 1000);

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

const LATENCY = [
  latency("p50", (times) => times.percentile(0.5)),
  latency("p99", (times) => times.percentile(0.99)),
  latency("p99.9", (times) => times.percentile(0.999)),
  latency("max", (times) => times.max),
];

function cpuFor(what: string): Figure {
  return {
    key: `cpuMicrosecondsPer${what[0].toUpperCase()}${what.slice(1)}`,
    heading: `CPU a\n${what}`,
    of: (run) => run.load.count === 0 ? null : run.cpu * 1000 / run.load.count,
    format: formatTime,
  };
}

const MEMORY: Figure = {
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

const PROCESSES: Figure = {
  ...THREADS,
  key: "processes",
  heading: "procs/\nthreads",
  of: (run) => run.processes,
  beside: THREADS,
};

/** A number and its noun. */
export const plural = (count: number, one: string): string =>
  count === 1 ? `1 ${one}` : `${count.toLocaleString("en-US")} ${one}s`;

const clients = (count: number) => `${plural(count, "client")}${count === 1 ? "" : " at once"}`;

/** The scenarios whose clients are the load generator's. */
export const SCENARIOS: Readonly<Record<Load, Scenario>> = {
  message: {
    load: "message",
    about: (connections, size) =>
      `${clients(connections)}; ${plural(size, "byte")} there and back, and again`,
    connections: 50,
    size: 100,
    main: {
      key: "messagesPerSecond",
      heading: "messages/s",
      of: (run) => perSecond(run.load.count, run),
      format: formatNumber,
    },
    lessIsBetter: false,
    figures: [...LATENCY, cpuFor("message"), MEMORY, PROCESSES],
  },
  stream: {
    load: "stream",
    about: (connections, size) =>
      `${clients(connections)}; ${plural(size, "byte")} at a time, as fast as they go`,
    connections: 8,
    size: 65536,
    main: {
      key: "megabytesPerSecond",
      heading: "MB/s",
      of: (run) => perSecond(run.load.bytes / 1e6, run),
      format: formatNumber,
    },
    lessIsBetter: false,
    figures: [
      {
        key: "slowestOfMean",
        heading: "slowest\nof mean",
        of: (run) =>
          run.load.bytes === 0
            ? null
            : 100 * run.load.fewest / (run.load.bytes / run.load.connected),
        format: (value) => `${value.toFixed(0)} %`,
      },
      {
        key: "cpuMicrosecondsPerMegabyte",
        heading: "CPU a\nmegabyte",
        of: (run) => run.load.bytes === 0 ? null : run.cpu * 1e9 / run.load.bytes,
        format: formatTime,
      },
      MEMORY,
      PROCESSES,
    ],
  },
  connect: {
    load: "connect",
    about: (connections, size) =>
      `${clients(connections)}; ${plural(size, "byte")} there and back, bye; and again`,
    connections: 8,
    size: 100,
    main: {
      key: "connectionsPerSecond",
      heading: "connections/s",
      of: (run) => perSecond(run.load.count, run),
      format: formatNumber,
    },
    lessIsBetter: false,
    figures: [...LATENCY, cpuFor("connection"), PROCESSES],
  },
  idle: {
    load: "idle",
    about: (connections, size) =>
      `${clients(connections)}; ${plural(size, "byte")} there and back, then silence`,
    connections: 1000,
    size: 100,
    main: { ...MEMORY, heading: "memory a connection" },
    lessIsBetter: true,
    figures: [
      {
        key: "connections",
        heading: "connec-\ntions",
        of: (run) => run.load.connected,
        format: (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 }),
      },
      {
        key: "idleCpuPercent",
        heading: "CPU while\nsilent",
        of: (run) => 100 * run.cpu / run.load.milliseconds,
        format: (value) => `${value.toFixed(1)} %`,
      },
      {
        key: "memoryMib",
        heading: "memory\nin all",
        of: (run) => run.memory,
        format: formatMemory,
      },
      LATENCY[0],
      LATENCY[3],
      PROCESSES,
    ],
  },
};
