/**
 * The scenarios: kinds of load, and by which figures servers are compared under each.
 * @module
 */
import { cpuFor, type Figure, LATENCY, MEMORY, perSecond, PROCESSES } from "./figures.ts";
import type { Load } from "./load_messages.ts";
import { formatMemory, formatNumber, formatTime, plural } from "./units.ts";

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
