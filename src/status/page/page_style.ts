/**
 * How the page of a server's status looks, beside what all pages have.
 * @module
 */
import { BASE_STYLE, BOARD_STYLE } from "./style.ts";

/** The style sheet. */
export const STYLE = `${BASE_STYLE}${BOARD_STYLE}
h1 { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.2rem 0.8rem; margin: 0; }
h1 code { font-size: 1.05rem; font-weight: 400; color: var(--faint); overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.6rem; }
#about { color: var(--faint); margin: 0.2rem 0 0; overflow-wrap: anywhere; font-size: 0.9rem; }
#state { font: 600 0.8rem/1.7 system-ui, sans-serif; padding: 0 0.7rem; border-radius: 1rem;
  background: var(--H); color: var(--Hi); }
#state.stopping { background: var(--D); color: var(--Di); }
#state.gone { background: var(--X); color: var(--Xi); }
#words { font-size: 1.15rem; margin: 1.2rem 0; max-width: 46rem; }
body.gone main > :not(header) { opacity: 0.45; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr));
  gap: 0.6rem; margin: 0; }
.figures div { background: var(--box); border-radius: 8px; padding: 0.6rem 0.8rem; min-width: 0; }
.figures dt { color: var(--faint); font-size: 0.8rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures small { display: block; font-size: 0.75rem; font-weight: 400; color: var(--faint);
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.figures svg { display: block; width: 100%; height: 2.2rem; margin-top: 0.3rem;
  border-bottom: 1px solid var(--line); }
.figures path { fill: var(--R); stroke: var(--Ri); stroke-width: 1.2;
  vector-effect: non-scaling-stroke; }
.figures .bad path { fill: var(--D); stroke: var(--Di); }
.scene { display: flex; flex-wrap: wrap; gap: 0.8rem; align-items: flex-start; }
.group { background: var(--box); border-radius: 8px; padding: 0.7rem; max-width: 100%;
  box-sizing: border-box; }
.group h3 { margin: 0 0 0.5rem; font-size: 0.85rem; font-weight: 600; color: var(--faint); }
.group .bar { height: 4px; border-radius: 2px; background: var(--line); margin: 0 0 0.6rem;
  overflow: hidden; }
.group .bar i { display: block; height: 100%; background: var(--Hi); width: 0; }
.queue .place { border-radius: 50%; border-style: dashed; border-color: var(--faint); }
.queue.nobody { display: none; }
.queue h3::after { content: " →"; }
.place.silent { background: none; border-color: currentColor; opacity: 0.75; }
.key { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr));
  gap: 0.25rem 1rem; list-style: none; padding: 0; margin: 0.9rem 0 0; font-size: 0.85rem; }
.key li { display: flex; gap: 0.5rem; align-items: center; }
.key .place { flex: none; width: 1.25rem; height: 1.25rem; font-size: 0.7rem; line-height: 1.15rem; }
.key b:empty { display: none; }
.key b { font-variant-numeric: tabular-nums; font-weight: 600; }
.key .off { color: var(--faint); }
td.left, th.left, thead th:first-child { text-align: left; }
.two table { font-size: 0.85rem; }
.two th, .two td { padding: 0.3rem 0.5rem; }
td.long { white-space: normal; text-align: left; overflow-wrap: anywhere; min-width: 14rem; }
.none { color: var(--faint); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 31rem), 1fr));
  gap: 0 2rem; }
.two > section { min-width: 0; }
footer { margin-top: 2.5rem; color: var(--faint); font-size: 0.85rem; }
a { color: inherit; }
@media (max-width: 480px) {
  main { padding: 1rem 0.7rem 2rem; }
  th, td { padding: 0.3rem 0.45rem; }
  .figures { grid-template-columns: 1fr 1fr; }
  .key { grid-template-columns: 1fr; }
}
`;
