/**
 * The plots of the page, made of summaries. Each server's number, by its name,
 * picks its colour: the same in all of them.
 * @module
 */
import { barPlot, countAxis, linearAxis, linePlot, logAxis, type Series } from "./plot.ts";
import type { Scenario } from "./scenarios.ts";
import { allLatencies, type Summary } from "./summary.ts";
import { formatMemory, formatTime } from "./units.ts";

/** What a scenario compares, a bar for each server. */
export function comparisonBars(
  { scenario, rows }: Summary,
  numberOf: (name: string) => number,
): string {
  const good = rows.filter(({ main }) => main !== null);
  return barPlot(
    scenario.main.heading,
    good.map((row) => {
      const values = row.runs.map(scenario.main.of).filter((value) => value !== null);
      return {
        name: row.name,
        number: numberOf(row.name),
        value: row.main!,
        label: scenario.main.format(row.main!),
        low: Math.min(...values),
        high: Math.max(...values),
      };
    }),
  );
}

/** The same over numbers of connections, a line for each server. */
export function comparisonLines(
  scenario: Scenario,
  summaries: readonly Summary[],
  names: readonly string[],
  numberOf: (name: string) => number,
): string {
  const series = lines(
    summaries,
    names,
    numberOf,
    (summary, name) => summary.rows.find((row) => row.name === name)?.main ?? null,
  );
  return linePlot(
    `${scenario.main.heading} by connections`,
    countAxis("connections", summaries.map(({ connections }) => connections)),
    linearAxis(scenario.main.heading, values(series), (value) => axisNumber(value)),
    series,
    true,
  );
}

/** The memory of the whole server with so many clients; null for one number of them. */
export function memoryLines(
  summaries: readonly Summary[],
  names: readonly string[],
  numberOf: (name: string) => number,
): string | null {
  if (summaries.length < 2) return null;
  const series = lines(summaries, names, numberOf, (summary, name) => {
    const runs = summary.rows.find((row) => row.name === name && row.main !== null)?.runs ?? [];
    const all = runs.map((run) => run.memory).sort((a, b) => a - b);
    return all.length === 0 ? null : all[all.length >> 1];
  });
  return linePlot(
    "memory by connections",
    countAxis("connections", summaries.map(({ connections }) => connections)),
    logAxis("memory of the server", values(series), axisMemory, 4),
    series,
    true,
  );
}

function lines(
  summaries: readonly Summary[],
  names: readonly string[],
  numberOf: (name: string) => number,
  of: (summary: Summary, name: string) => number | null,
): Series[] {
  return names.map((name) => ({
    name,
    number: numberOf(name),
    points: summaries.flatMap((summary) => {
      const value = of(summary, name);
      return value === null ? [] : [[summary.connections, value] as const];
    }),
  })).filter(({ points }) => points.length > 0);
}

/** How many nines a part has, so that the slowest few get room. */
const nines = (part: number) => -Math.log10(1 - part);
const PARTS: [number, string][] = [
  [0, "0 %"],
  [0.5, "50 %"],
  [0.9, "90 %"],
  [0.99, "99 %"],
  [0.999, "99.9 %"],
  [0.9999, "99.99 %"],
  [0.99999, "99.999 %"],
];

/** Which part of the answers came in which time, a line for each server; null without any. */
export function latencyLines({ rows }: Summary, numberOf: (name: string) => number): string | null {
  const measured = rows.filter((row) => row.main !== null).map((row) => ({
    name: row.name,
    times: allLatencies(row),
  })).filter(({ times }) => times.total > 0);
  if (measured.length === 0) return null;
  const most = Math.log10(Math.max(10, ...measured.map(({ times }) => times.total)));
  const series = measured.map(({ name, times }) => {
    const end = Math.log10(times.total);
    const points: [number, number][] = [];
    for (let x = 0; x <= end; x += 0.04) {
      const part = 1 - 10 ** -x;
      points.push([part, Math.max(0.1, times.percentile(part))]);
    }
    return { name, number: numberOf(name), points };
  });
  return linePlot(
    "latency that so many answers did not exceed",
    {
      label: "part of the answers that took no longer",
      place: (part) => nines(part) / most,
      ticks: PARTS.filter(([part]) => nines(part) <= most),
    },
    logAxis("latency", values(series), axisTime),
    series,
    false,
  );
}

function values(series: readonly Series[]): number[] {
  return series.flatMap(({ points }) => points.map(([, value]) => value));
}

function axisNumber(value: number): string {
  return value >= 1000 ? value.toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function axisMemory(kilobytes: number): string {
  return formatMemory(kilobytes).replace(/\.0+ /, " ");
}

function axisTime(microseconds: number): string {
  return formatTime(microseconds).replace(/\.0+ /, " ");
}
