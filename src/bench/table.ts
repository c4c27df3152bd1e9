/**
 * Tables and bars for a terminal, at most 80 columns wide.
 * @module
 */
import { CASES } from "./blocked.ts";
import type { Figure } from "./figures.ts";
import { type BlockedRow, formatFigure, formatWait, type Row, type Summary } from "./summary.ts";

const WIDTH = 80;
const LONGEST_NAME = 14;
const GAP = 2;

/** The tables of one scenario, with what there is to say about them. */
export function summaryText({ scenario, connections, size, rows }: Summary): string {
  const parts = [`${scenario.load}: ${scenario.about(connections, size)}`];
  const good = rows.filter((row) => row.main !== null);
  if (good.length > 0) {
    parts.push(mainTable(scenario.main, scenario.lessIsBetter, good));
    parts.push(columns(
      ["", ...scenario.figures.map(({ heading }) => heading)],
      good.map((row) => [
        short(row.name),
        ...scenario.figures.map((figure) => formatFigure(row, figure)),
      ]),
    ));
  }
  const words = rows.flatMap((row) =>
    row.error !== null
      ? [`${row.name}: ${row.error}`]
      : row.notes.map((note) => `${row.name}: ${note}`)
  );
  if (words.length > 0) parts.push(words.map(wrapped).join("\n"));
  return parts.join("\n\n") + "\n";
}

/**
 * The table of the scenario `blocked`.
 * @param unused options that were given, and that it has no use for
 */
export function blockedText(rows: readonly BlockedRow[], unused: readonly string[]): string {
  const parts = ["blocked: how long a second client waits for its answer"];
  const good = rows.filter((row) => row.waits !== null);
  if (good.length > 0) {
    parts.push(columns(
      ["", ...CASES.map(({ heading }) => heading)],
      good.map((row) => [short(row.name), ...CASES.map(({ key }) => formatWait(row.waits![key]))]),
    ));
  }
  const words = rows.flatMap((row) => row.error === null ? [] : [`${row.name}: ${row.error}`]);
  if (unused.length > 0) {
    words.push(`blocked has no use for ${unused.join(", ")}: its handler is its own`);
  }
  if (words.length > 0) parts.push(words.map(wrapped).join("\n"));
  return parts.join("\n\n") + "\n";
}

function mainTable(figure: Figure, lessIsBetter: boolean, rows: readonly Row[]): string {
  const lines = columns(
    ["", figure.heading, "spread", "ratio"],
    rows.map((row) => [
      short(row.name),
      figure.format(row.main!),
      row.rounds > 1 ? `±${(100 * row.spread).toFixed(0)} %` : "-",
      row.ratio === null ? "-" : row.ratio.toFixed(2),
    ]),
  ).split("\n");
  const room = WIDTH - lines[0].length - GAP;
  const largest = Math.max(...rows.map((row) => row.main!));
  const words = lessIsBetter ? "less is better" : "more is better";
  return lines.map((line, index) =>
    `${line}${" ".repeat(GAP)}${
      index === 0 ? words : bar(largest === 0 ? 0 : rows[index - 1].main! / largest, room)
    }`.trimEnd()
  ).join("\n");
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of a part (0 to 1) of the room. */
export function bar(part: number, room: number): string {
  const eighths = Math.round(part * room * 8);
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** Rows with a heading: the first column to the left, the others to the right. */
export function columns(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = Math.max(...headings.map((heading) => heading.split("\n").length));
  const head = Array.from({ length: lines }, (_, line) =>
    headings.map((heading) => {
      const words = heading.split("\n");
      return words[line - (lines - words.length)] ?? "";
    }));
  const all = [...head, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column] + GAP)
    ).join("").trimEnd()
  ).join("\n");
}

/** Lines of at most 80 columns; the first one begins with a mark. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of `! ${text}`.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > WIDTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

function short(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
