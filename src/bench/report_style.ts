/**
 * How the page of `--report` looks, in light and dark.
 * @module
 */

const LIGHT = ["1c6fd1", "c2410c", "15803d", "7e22ce", "a16207", "0e7490", "be185d", "475569"];
const DARK = ["6aaeff", "ff9a5c", "5fd38a", "cf9bff", "e5c04b", "4fd0e6", "ff8ac0", "a9b6c9"];
/** Lines differ in more than colour. */
const DASHES = ["none", "8 4", "2 3", "10 3 2 3", "none", "8 4", "2 3", "10 3 2 3"];

const colors = (values: readonly string[]) =>
  values.map((value, number) => `--c${number}: #${value};`).join(" ");

/** The style sheet. */
export const STYLE = `
:root { --page: #fff; --text: #1b1f24; --faint: #57606a; --line: #d8dee4; --box: #f6f8fa; ${
  colors(LIGHT)
} }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171c; --text: #e4e8ee; --faint: #a3adba; --line: #333a44; --box: #1c2128; ${
  colors(DARK)
} }
}
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.3rem; margin-top: 2.5rem; }
h1 + p { color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.35rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
thead th { white-space: pre-line; vertical-align: bottom; font-weight: 600; }
tbody th { text-align: left; font-weight: 600; }
.notes { color: var(--faint); font-size: 0.9rem; padding-left: 1.2rem; }
figure { margin: 1.5rem 0; padding: 1rem; background: var(--box); border-radius: 8px; }
figcaption { font-weight: 600; margin-bottom: 0.6rem; }
figure > svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, sans-serif; fill: var(--text); }
.grid { stroke: var(--line); }
.range { stroke: var(--text); stroke-width: 2; }
polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; padding: 0;
  margin: 0.8rem 0 0; font-size: 0.9rem; }
.legend svg { vertical-align: middle; }
${
  DASHES.map((dash, n) =>
    `.c${n} polyline { stroke: var(--c${n}); stroke-dasharray: ${dash}; } .c${n} circle, .c${n} rect { fill: var(--c${n}); }`
  ).join("\n")
}
`;
