/**
 * Everything that was measured, for programs.
 * @module
 */
import type { Figure, Measured } from "./figures.ts";
import { type BlockedRow, eachFigure, type Row, type Summary } from "./summary.ts";

/** What a whole bench gave. */
export interface BenchResult {
  /** The machine, in a line. */
  readonly about: string;
  /** How it was measured, in a line. */
  readonly conditions: string;
  readonly summaries: readonly Summary[];
  readonly blocked: readonly BlockedRow[];
}

/** The text of the file. */
export function benchJson({ about, conditions, summaries, blocked }: BenchResult): string {
  const scenarios = summaries.map(({ scenario, connections, size, rows }) => ({
    scenario: scenario.load,
    connections,
    size,
    servers: rows.map((row) => server(row, [scenario.main, ...eachFigure(scenario)])),
  }));
  const date = new Date().toISOString();
  return JSON.stringify({ about, conditions, date, scenarios, blocked }, null, 2) + "\n";
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

function raw({ load, disturbance, cpu, memory, memoryBefore }: Measured) {
  const { latency, ...rest } = load;
  return {
    cpuMilliseconds: cpu,
    memoryKib: memory,
    memoryBeforeKib: memoryBefore,
    disturbance,
    load: rest,
    latency: { unit: "0.1 µs, in buckets of src/bench/statistics.ts", ...latency },
  };
}
