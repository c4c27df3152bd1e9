/**
 * Everything that was measured, for programs.
 * @module
 */
import type { Figure, Measured } from "./figures.ts";
import { timesOf } from "./statistics.ts";
import { type BlockedRow, eachFigure, type Row, type Summary } from "./summary.ts";

/** What a whole bench gave. */
export interface BenchResult {
  /** The machine, in a line. */
  readonly about: string;
  /** The command line that asked for it. */
  readonly command: string;
  /** How it was measured, in a line. */
  readonly conditions: string;
  readonly summaries: readonly Summary[];
  readonly blocked: readonly BlockedRow[];
}

/** The text of the file. Keys name the unit; what has none is a count, or a part from 0 to 1. */
export function benchJson(result: BenchResult): string {
  const { about, command, conditions, summaries } = result;
  const scenarios = summaries.map(({ scenario, connections, size, rows }) => ({
    scenario: scenario.load,
    connections,
    size,
    servers: rows.map((row) => server(row, [scenario.main, ...eachFigure(scenario)])),
  }));
  const date = new Date().toISOString();
  const blocked = result.blocked.map(({ name, error, waits }) => ({
    name,
    error,
    waitsMicroseconds: waits,
  }));
  return JSON.stringify({ about, command, conditions, date, scenarios, blocked }, null, 2) + "\n";
}

function server(row: Row, all: readonly Figure[]) {
  return {
    name: row.name,
    error: row.error,
    notes: row.notes,
    [all[0].key]: row.main,
    spread: row.spread,
    ratio: row.ratio,
    ...row.figures,
    runs: row.runs.map((run) => ({
      ...Object.fromEntries(all.map(({ key, of }) => [key, of(run)])),
      ...raw(run),
    })),
  };
}

function raw({ load, disturbance, cpu, memory, memoryBefore, board }: Measured) {
  const { latency, ...rest } = load;
  return {
    cpuMilliseconds: cpu,
    memoryKib: memory,
    memoryBeforeKib: memoryBefore,
    disturbance,
    board,
    load: rest,
    latency: { maxMicroseconds: latency.max, microsecondsAndCounts: timesOf(latency) },
  };
}
