/**
 * Plots as SVG, which takes its colours from the page around it.
 * @module
 */

/** One server's line; its number picks colour, dash and mark. */
export interface Series {
  readonly name: string;
  readonly number: number;
  readonly points: readonly (readonly [number, number])[];
}

/** An axis: where its values lie, and which are named. */
export interface Axis {
  readonly label: string;
  /** From 0 to 1 between the ends. */
  readonly place: (value: number) => number;
  readonly ticks: readonly (readonly [number, string])[];
}

/** A bar with its label and a range around its end. */
export interface Bar {
  readonly name: string;
  readonly number: number;
  readonly value: number;
  readonly label: string;
  readonly low: number;
  readonly high: number;
}

/** How many colours the page has. */
export const COLORS = 8;
const [WIDTH, HEIGHT] = [960, 380];
const [LEFT, RIGHT, TOP, BOTTOM] = [84, 16, 16, 52];
const [INNER_WIDTH, INNER_HEIGHT] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];

/** Text as it may stand in HTML and SVG. */
export function escape(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

/** Powers of the base, and of ten 2, 3 and 5 times them where they have room. */
export function logAxis(
  label: string,
  values: readonly number[],
  name: (value: number) => string,
  base = 10,
): Axis {
  const positive = values.filter((value) => value > 0);
  const least = Math.min(...positive);
  const most = Math.max(...positive);
  const steps = base !== 10 || most / least > 300 ? [1] : most / least > 20 ? [1, 3] : [1, 2, 5];
  const power = (value: number) => Math.log(value) / Math.log(base);
  const ticks: number[] = [];
  for (let n = Math.floor(power(least)) - 1; n <= power(most) + 1; n++) {
    ticks.push(...steps.map((step) => step * base ** n));
  }
  const from = ticks.findLast((tick) => tick <= least) ?? least;
  const to = ticks.find((tick) => tick >= most && tick > from) ?? most;
  const [low, high] = [Math.log10(from), Math.log10(to)];
  return {
    label,
    place: (value) => (Math.log10(Math.max(value, from)) - low) / (high - low),
    ticks: ticks.filter((tick) => tick >= from && tick <= to).map((tick) => [tick, name(tick)]),
  };
}

/** From zero, in steps that are round. */
export function linearAxis(
  label: string,
  values: readonly number[],
  name: (value: number) => string,
): Axis {
  const most = Math.max(...values) || 1;
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough)!;
  const count = Math.ceil(most / step);
  return {
    label,
    place: (value) => value / (count * step),
    ticks: Array.from({ length: count + 1 }, (_, n) => [n * step, name(n * step)]),
  };
}

/** The values that there are, each named, with their logarithms as distances. */
export function countAxis(label: string, counts: readonly number[]): Axis {
  const [low, high] = [Math.log(Math.min(...counts)), Math.log(Math.max(...counts))];
  return {
    label,
    place: (value) => 0.04 + 0.92 * (high === low ? 0.5 : (Math.log(value) - low) / (high - low)),
    ticks: counts.map((count) => [count, count.toLocaleString("en-US")]),
  };
}

/** Lines in a frame; `description` is for those who cannot see it. */
export function linePlot(
  description: string,
  x: Axis,
  y: Axis,
  series: readonly Series[],
  marks: boolean,
): string {
  const atX = (value: number) => (LEFT + x.place(value) * INNER_WIDTH).toFixed(1);
  const atY = (value: number) => (TOP + (1 - y.place(value)) * INNER_HEIGHT).toFixed(1);
  const grid = [
    ...x.ticks.map(([value, text]) =>
      `<line class="grid" x1="${atX(value)}" x2="${atX(value)}" y1="${TOP}" y2="${
        HEIGHT - BOTTOM
      }"/><text x="${atX(value)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${
        escape(text)
      }</text>`
    ),
    ...y.ticks.map(([value, text]) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(value)}" y2="${
        atY(value)
      }"/><text x="${LEFT - 8}" y="${atY(value)}" dy="0.35em" text-anchor="end">${
        escape(text)
      }</text>`
    ),
  ];
  const lines = series.map(({ name, number, points }) => {
    const path = points.map(([a, b]) => `${atX(a)},${atY(b)}`).join(" ");
    const dots = marks
      ? points.map(([a, b]) => `<circle cx="${atX(a)}" cy="${atY(b)}" r="4"/>`).join("")
      : "";
    return `<g class="c${number % COLORS}"><title>${
      escape(name)
    }</title><polyline points="${path}"/>${dots}</g>`;
  });
  return svg(
    description,
    HEIGHT,
    `${grid.join("\n")}
<text x="${LEFT + INNER_WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escape(x.label)}</text>
<text class="rotated" transform="translate(14 ${
      TOP + INNER_HEIGHT / 2
    }) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>
${lines.join("\n")}`,
  );
}

/** Bars from left to right, one below the other, each with its name above it. */
export function barPlot(description: string, bars: readonly Bar[]): string {
  const row = 46;
  const most = Math.max(...bars.map(({ value, high }) => Math.max(value, high))) || 1;
  const room = WIDTH - RIGHT - 8;
  const at = (value: number) => (8 + (value / most) * room).toFixed(1);
  const parts = bars.map(({ name, number, value, label, low, high }, index) => {
    const top = index * row;
    return `<text x="8" y="${top + 15}">${escape(name)}</text><text x="${WIDTH - RIGHT}" y="${
      top + 15
    }" text-anchor="end">${escape(label)}</text><g class="c${number % COLORS}"><rect x="8" y="${
      top + 21
    }" height="14" width="${(value / most * room).toFixed(1)}"/></g><line class="range" x1="${
      at(low)
    }" x2="${at(high)}" y1="${top + 28}" y2="${top + 28}"/>`;
  });
  return svg(description, bars.length * row, parts.join("\n"));
}

function svg(description: string, height: number, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${
    escape(description)
  }">\n${content}\n</svg>`;
}
