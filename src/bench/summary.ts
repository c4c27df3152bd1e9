/**
 * From the runs of all rounds to one row for each server.
 * @module
 */
import { type BlockedOutcome, type CaseKey, CASES, type Wait } from "./blocked.ts";
import type { Figure, Measured } from "./figures.ts";
import type { RunOutcome } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";
import { Histogram, median, spread } from "./statistics.ts";
import { formatTime } from "./units.ts";

/** A server's row; figures are medians over the rounds, the longest times the longest of all. */
export interface Row {
  readonly name: string;
  /** How many rounds gave figures. */
  readonly rounds: number;
  readonly main: number | null;
  /** Half of the distance between the best and the worst round, as a part of the median. */
  readonly spread: number;
  /** To the first row that has figures. */
  readonly ratio: number | null;
  /** By the figures' keys. */
  readonly figures: Readonly<Record<string, number | null>>;
  readonly notes: readonly string[];
  /** Why there are no figures, if there are none. */
  readonly error: string | null;
  readonly runs: readonly Measured[];
}

/** The rows of one scenario with so many connections. */
export interface Summary {
  readonly scenario: Scenario;
  readonly connections: number;
  readonly size: number;
  readonly rows: readonly Row[];
}

/** All figures but the main one. */
export function eachFigure(scenario: Scenario): Figure[] {
  return scenario.figures.flatMap((figure) => figure.beside ? [figure, figure.beside] : [figure]);
}

/** A figure of a row, and the one beside it, for people. */
export function formatFigure(row: Row, figure: Figure): string {
  const value = row.figures[figure.key];
  if (value === null || value === undefined) return "-";
  const { beside } = figure;
  return figure.format(value) + (beside ? `/${formatFigure(row, beside)}` : "");
}

/** Makes a summary; `outcomes` are each server's, by its name. */
export function summarize(
  scenario: Scenario,
  connections: number,
  size: number,
  outcomes: ReadonlyMap<string, readonly RunOutcome[]>,
): Summary {
  let base: number | null = null;
  const rows: Row[] = [];
  for (const [name, runs] of outcomes) {
    const good = runs.flatMap((run) => "measured" in run ? [run.measured] : []);
    const errors = runs.flatMap((run) => "error" in run ? [run.error] : []);
    const wrong = runs.some((run) => "error" in run && run.wrongBytes);
    const ofAll = ({ of, largest }: Figure) => {
      const values = good.map(of).filter((value) => value !== null);
      if (values.length === 0) return null;
      return largest ? Math.max(...values) : median(values);
    };
    // Wrong bytes in one round are worth more than figures of another.
    const error = wrong || good.length === 0 ? errors[0] ?? "not measured" : null;
    const main = error === null ? ofAll(scenario.main) : null;
    base ??= main;
    const mains = good.map(scenario.main.of).filter((value) => value !== null);
    rows.push({
      name,
      rounds: good.length,
      main,
      spread: error === null && mains.length > 0 ? spread(mains) : 0,
      ratio: main === null || !base ? null : main / base,
      figures: Object.fromEntries(
        eachFigure(scenario).map((figure) => [
          figure.key,
          error === null ? ofAll(figure) : null,
        ]),
      ),
      notes: error === null ? notes(runs, errors) : [],
      error,
      runs: good,
    });
  }
  return { scenario, connections, size, rows };
}

/** Each note once, with how many rounds it is about if not all. */
function notes(runs: readonly RunOutcome[], errors: readonly string[]): string[] {
  const times = new Map<string, string[]>();
  for (const note of runs.flatMap((run) => "measured" in run ? run.notes : [])) {
    // Notes that differ in their numbers alone are one.
    const kind = note.replace(/[\d.,]+/g, "#");
    times.set(kind, [...times.get(kind) ?? [], note]);
  }
  const all = [...times.values()].map((same) => {
    const worst = same.toSorted((a, b) => number(a) - number(b)).at(-1)!;
    return same.length === runs.length
      ? worst
      : `${worst}, in ${same.length} of ${runs.length} rounds`;
  });
  return [...all, ...new Set(errors.map((error) => `one round failed: ${error}`))];
}

function number(text: string): number {
  return Number(/[\d.]+/.exec(text)?.[0] ?? 0);
}

/** All latencies of a row's rounds together. */
export function allLatencies(row: Row): Histogram {
  const all = new Histogram();
  for (const run of row.runs) all.addAll(run.load.latency);
  return all;
}

/** A server's row of the scenario `blocked`. */
export interface BlockedRow {
  readonly name: string;
  readonly waits: Readonly<Record<CaseKey, Wait>> | null;
  readonly error: string | null;
}

/** The median waits; words win over numbers, because once is often enough. */
export function summarizeBlocked(
  outcomes: ReadonlyMap<string, readonly BlockedOutcome[]>,
): BlockedRow[] {
  return [...outcomes].map(([name, runs]) => {
    const good = runs.flatMap((run) => "waits" in run ? [run.waits] : []);
    const error = runs.flatMap((run) => "error" in run ? [run.error] : [])[0];
    if (good.length === 0) return { name, waits: null, error: error ?? "not measured" };
    const waits = Object.fromEntries(CASES.map(({ key }) => {
      const all = good.map((round) => round[key]);
      const words = all.find((wait) => typeof wait === "string");
      return [key, words ?? median(all as number[])];
    })) as Record<CaseKey, Wait>;
    return { name, waits, error: null };
  });
}

/** A wait for people. */
export function formatWait(wait: Wait): string {
  return typeof wait === "number" ? formatTime(wait) : wait;
}
