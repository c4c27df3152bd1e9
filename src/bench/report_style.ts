/**
 * How the page of `--report` looks, in light and dark.
 * @module
 */

import { BASE_STYLE, BOARD_STYLE } from "../status/page/style.ts";

const LIGHT = ["1c6fd1", "c2410c", "15803d", "7e22ce", "a16207", "0e7490", "be185d", "475569"];
const DARK = ["6aaeff", "ff9a5c", "5fd38a", "cf9bff", "e5c04b", "4fd0e6", "ff8ac0", "a9b6c9"];
/** Lines differ in more than colour. */
const DASHES = ["none", "8 4", "2 3", "10 3 2 3", "none", "8 4", "2 3", "10 3 2 3"];

const colors = (values: readonly string[]) =>
  values.map((value, number) => `--c${number}: #${value};`).join(" ");

/** The style sheet. */
export const STYLE = `${BASE_STYLE}${BOARD_STYLE}
:root { ${colors(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${colors(DARK)} } }
.boards { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
.boards > div { flex: 1 1 18rem; max-width: 100%; }
.boards h4 { margin: 0 0 0.4rem; font-size: 0.95rem; }
.boards p { margin: 0.5rem 0 0; }
h1 + p { color: var(--faint); }
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
