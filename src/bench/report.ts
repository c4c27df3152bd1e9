/**
 * The page of `--report`: one file, with nothing to load.
 * @module
 */
import { CASES } from "./blocked.ts";
import type { BenchResult } from "./json.ts";
import { COLORS, escape } from "./plot.ts";
import { comparisonBars, comparisonLines, latencyLines, memoryLines } from "./report_plots.ts";
import { boards, boardsTitle } from "./report_boards.ts";
import { STYLE } from "./report_style.ts";
import type { Scenario } from "./scenarios.ts";
import { type BlockedRow, formatFigure, formatWait, type Summary } from "./summary.ts";
import { plural } from "./units.ts";

/** What percentiles of such clients do not show: coordinated omission. */
const CLOSED_LOOP =
  "Clients wait for each answer before they send the next message (a closed loop): while a server " +
  "stalls, each of them waits once and sends nothing, so a stall is few of the times. " +
  "It shows in the longest one, and in the rate.";

/** Makes the page. */
export function reportPage(
  { about, command, conditions, summaries, blocked }: BenchResult,
): string {
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
<p>${escape(about)}<br><code>${escape(command)}</code><br>${escape(conditions)}<br>${
    new Date().toISOString().slice(0, 10)
  }</p>
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
  const numberOf = (name: string) => names.indexOf(name);
  const shown = names.filter((name) =>
    summaries.some(({ rows }) => rows.some((row) => row.name === name && row.main !== null))
  );
  const several = summaries.length > 1;
  const parts = [
    `<h2>${scenario.load}</h2>`,
    ...summaries.map((summary) => table(summary)),
  ];
  if (shown.length > 0) {
    const key = legend(shown, numberOf);
    parts.push(
      figure(
        several ? `${scenario.main.heading} by connections` : scenario.main.heading,
        several
          ? comparisonLines(scenario, summaries, shown, numberOf)
          : comparisonBars(summaries[0], numberOf),
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
      figureIf(parts, `${title}${tail}`, latencyLines(summary, numberOf), key);
    }
    for (const summary of summaries) figureIf(parts, boardsTitle(summary), boards(summary), "");
    if (scenario.load === "message" || scenario.load === "connect") {
      parts.push(`<p class="notes">${CLOSED_LOOP}</p>`);
    }
    if (scenario.load !== "connect") {
      figureIf(parts, "Memory by connections", memoryLines(summaries, shown, numberOf), key);
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

function legend(names: readonly string[], numberOf: (name: string) => number): string {
  const items = names.map((name) =>
    `<li class="c${
      numberOf(name) % COLORS
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
