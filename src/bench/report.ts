/**
 * The page of `--report`: one file, with nothing to load.
 * @module
 */
import { CASES } from "./blocked.ts";
import type { BenchResult } from "./json.ts";
import {
  barPlot,
  COLORS,
  countAxis,
  escape,
  linearAxis,
  linePlot,
  logAxis,
  type Series,
} from "./plot.ts";
import { STYLE } from "./report_style.ts";
import { formatMemory, formatTime, plural, type Scenario } from "./scenarios.ts";
import {
  allLatencies,
  type BlockedRow,
  formatFigure,
  formatWait,
  type Summary,
} from "./summary.ts";

/** Makes the page. */
export function reportPage({ about, conditions, summaries, blocked }: BenchResult): string {
  const names = [
    ...new Set([...summaries.flatMap(({ rows }) => rows), ...blocked].map(({ name }) => name)),
  ];
  const scenarios = [...new Set(summaries.map(({ scenario }) => scenario))];
  const sections = scenarios.map((scenario) =>
    scenarioSection(scenario, summaries.filter((summary) => summary.scenario === scenario), names)
  );
  if (blocked.length > 0) sections.push(blockedSection(blocked));
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>trivet bench</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>trivet bench</h1>
<p>${escape(about)}<br>${escape(conditions)}<br>${new Date().toISOString().slice(0, 10)}</p>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function scenarioSection(
  scenario: Scenario,
  summaries: readonly Summary[],
  names: readonly string[],
): string {
  const number = (name: string) => names.indexOf(name);
  const shown = names.filter((name) =>
    summaries.some(({ rows }) => rows.some((row) => row.name === name && row.main !== null))
  );
  const several = summaries.length > 1;
  const parts = [
    `<h2>${scenario.load}</h2>`,
    ...summaries.map((summary) => table(summary)),
  ];
  if (shown.length > 0) {
    const key = legend(shown, number);
    parts.push(
      figure(
        several ? `${scenario.main.heading} by connections` : scenario.main.heading,
        several ? byConnections(scenario, summaries, shown, number) : bars(summaries[0], number),
        several ? key : "",
      ),
    );
    for (const summary of summaries) {
      if (scenario.load === "stream") break;
      const title = scenario.load === "connect"
        ? "From connecting to the answer"
        : scenario.load === "idle"
        ? "The one answer"
        : "Latency";
      const tail = several ? `, ${plural(summary.connections, "connection")}` : "";
      figureIf(parts, `${title}${tail}`, latencies(summary, number), key);
    }
    if (scenario.load !== "connect") {
      figureIf(parts, "Memory by connections", memories(summaries, shown, number), key);
    }
  }
  return `<section>\n${parts.join("\n")}\n</section>`;
}

function figureIf(parts: string[], title: string, plot: string | null, key: string): void {
  if (plot !== null) parts.push(figure(title, plot, key));
}

function figure(title: string, plot: string, key: string): string {
  return `<figure>\n<figcaption>${escape(title)}</figcaption>\n${plot}\n${key}\n</figure>`;
}

function legend(names: readonly string[], number: (name: string) => number): string {
  const items = names.map((name) =>
    `<li class="c${
      number(name) % COLORS
    }"><svg viewBox="0 0 28 10" width="28" height="10" aria-hidden="true"><polyline points="0,5 28,5"/></svg> ${
      escape(name)
    }</li>`
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

function table({ scenario, connections, size, rows }: Summary): string {
  const heading = (text: string) => `<th scope="col">${escape(text)}</th>`;
  const good = rows.filter(({ main }) => main !== null);
  const lines = good.map((row) => {
    const cells = [
      scenario.main.format(row.main!),
      row.rounds > 1 ? `±${(100 * row.spread).toFixed(0)} %` : "-",
      row.ratio === null ? "-" : row.ratio.toFixed(2),
      ...scenario.figures.map((figure) => formatFigure(row, figure)),
    ];
    return `<tr><th scope="row">${escape(row.name)}</th>${
      cells.map((cell) => `<td>${escape(cell)}</td>`).join("")
    }</tr>`;
  });
  const headings = [
    "",
    scenario.main.heading,
    "spread",
    "ratio",
    ...scenario.figures.map((f) => f.heading),
  ];
  const notes = rows.flatMap((row) =>
    row.error !== null
      ? [`${row.name}: ${row.error}`]
      : row.notes.map((note) => `${row.name}: ${note}`)
  );
  return `<p>${escape(scenario.about(connections, size))}.</p>
${
    good.length === 0 ? "" : `<div class="wide"><table>
<thead><tr>${headings.map(heading).join("")}</tr></thead>
<tbody>${lines.join("\n")}</tbody>
</table></div>`
  }
${
    notes.length === 0
      ? ""
      : `<ul class="notes">${notes.map((note) => `<li>${escape(note)}</li>`).join("")}</ul>`
  }`;
}

function bars({ scenario, rows }: Summary, number: (name: string) => number): string {
  const good = rows.filter(({ main }) => main !== null);
  return barPlot(
    scenario.main.heading,
    good.map((row) => {
      const values = row.runs.map(scenario.main.of).filter((value) => value !== null);
      return {
        name: row.name,
        number: number(row.name),
        value: row.main!,
        label: scenario.main.format(row.main!),
        low: Math.min(...values),
        high: Math.max(...values),
      };
    }),
  );
}

function byConnections(
  scenario: Scenario,
  summaries: readonly Summary[],
  names: readonly string[],
  number: (name: string) => number,
): string {
  const series = lines(
    summaries,
    names,
    number,
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

/** The memory of the whole server, before clients came and with so many of them. */
function memories(
  summaries: readonly Summary[],
  names: readonly string[],
  number: (name: string) => number,
): string | null {
  if (summaries.length < 2) return null;
  const series = lines(summaries, names, number, (summary, name) => {
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
  number: (name: string) => number,
  of: (summary: Summary, name: string) => number | null,
): Series[] {
  return names.map((name) => ({
    name,
    number: number(name),
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

function latencies({ rows }: Summary, number: (name: string) => number): string | null {
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
    return { name, number: number(name), points };
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

function blockedSection(rows: readonly BlockedRow[]): string {
  const lines = rows.map((row) =>
    `<tr><th scope="row">${escape(row.name)}</th>${
      row.waits === null
        ? `<td colspan="${CASES.length}">${escape(row.error ?? "")}</td>`
        : CASES.map(({ key }) => `<td>${escape(formatWait(row.waits![key]))}</td>`).join("")
    }</tr>`
  );
  return `<section>
<h2>blocked</h2>
<p>How long a second client waits for its answer.</p>
<div class="wide"><table>
<thead><tr><th></th>${
    CASES.map(({ heading }) => `<th scope="col">${escape(heading)}</th>`).join("")
  }</tr></thead>
<tbody>${lines.join("\n")}</tbody>
</table></div>
</section>`;
}
