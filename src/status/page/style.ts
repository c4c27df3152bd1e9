/**
 * How Trivet's pages look, in light and dark: the page of a server's status, and the
 * report of `bench`.
 * @module
 */

/** Colours, text, tables and figures, of all pages. */
export const BASE_STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --faint: #57606a;
  --line: #d8dee4; --box: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171c; --text: #e4e8ee; --faint: #a3adba; --line: #333a44; --box: #1c2128; }
}
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.3rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.35rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
thead th { white-space: pre-line; vertical-align: bottom; font-weight: 600; }
tbody th { text-align: left; font-weight: 600; }
.notes { color: var(--faint); font-size: 0.9rem; padding-left: 1.2rem; }
figure { margin: 1.5rem 0; padding: 1rem; background: var(--box); border-radius: 8px; }
figcaption { font-weight: 600; margin-bottom: 0.6rem; }
`;

/** Scoreboards: a square for each place, whose letter says without colour what it does. */
export const BOARD_STYLE = `
:root { --R: #dbe9fb; --Ri: #0b4a8f; --W: #fbe5b8; --Wi: #6b4300; --H: #cdeed6; --Hi: #0d5427;
  --C: #e6ddf7; --Ci: #4c2889; --D: #fcdcc7; --Di: #85370a; --X: #b42318; --Xi: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --R: #173a63; --Ri: #b9d8ff; --W: #5a4100; --Wi: #ffe2a0; --H: #144a29; --Hi: #b4f0c6;
    --C: #3c2a68; --Ci: #dccbff; --D: #633010; --Di: #ffd0b0; --X: #e5533d; --Xi: #1a0502; }
}
.board { display: flex; flex-wrap: wrap; gap: 3px; margin: 0; padding: 0; list-style: none; }
.place { box-sizing: border-box; width: 1.75rem; height: 1.75rem; border-radius: 5px;
  border: 1px solid transparent; font: 600 0.85rem/1.6rem ui-monospace, monospace;
  text-align: center; cursor: default; }
.many .place { width: 1.25rem; height: 1.25rem; font-size: 0.7rem; line-height: 1.15rem;
  border-radius: 4px; }
.crowd .place { width: 0.95rem; height: 0.95rem; font-size: 0.6rem; line-height: 0.85rem;
  border-radius: 3px; }
.crowd { gap: 2px; }
.place { color: var(--faint); border-color: var(--line); }
.pR { background: var(--R); color: var(--Ri); border-color: transparent; }
.pW { background: var(--W); color: var(--Wi); border-color: transparent; }
.pH { background: var(--H); color: var(--Hi); border-color: transparent; }
.pC { background: var(--C); color: var(--Ci); border-color: transparent; }
.pD { background: var(--D); color: var(--Di); border-color: var(--Di); border-style: dashed; }
.pX { background: var(--X); color: var(--Xi); border-color: transparent; }
.pS { border-style: dashed; border-color: var(--faint); }
.pnone { border-color: transparent; }
`;
