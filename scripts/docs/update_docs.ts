/**
 * Writes the tables that the docs take from the code. With `--check` it writes
 * nothing, and fails where they have drifted.
 * @module
 */
import { BENCH_OPTIONS } from "../../src/bench/bench_options.ts";
import { CONNECT_OPTIONS } from "../../src/cli/connect_options.ts";
import { optionsTable } from "../../src/cli/describe_options.ts";
import { INETD_OPTIONS } from "../../src/cli/inetd_options.ts";
import { STATUS_OPTIONS } from "../../src/cli/status_options.ts";
import { SERVE_OPTIONS } from "../../src/cli/serve_options.ts";
import { roomsTable } from "./check_imports.ts";

/** Where each table goes: between this line and the next `END`. */
const TABLES: readonly { path: string; start: string; table: () => string }[] = [
  {
    path: "docs/architecture.md",
    start: "<!-- rooms: made by scripts/docs/update_docs.ts -->",
    table: roomsTable,
  },
  {
    path: "docs/operations.md",
    start: "<!-- options of serve: made by scripts/docs/update_docs.ts -->",
    table: () => optionsTable(SERVE_OPTIONS),
  },
  {
    path: "docs/operations.md",
    start: "<!-- options of connect: made by scripts/docs/update_docs.ts -->",
    table: () => optionsTable(CONNECT_OPTIONS),
  },
  {
    path: "docs/deployment.md",
    start: "<!-- options of inetd: made by scripts/docs/update_docs.ts -->",
    table: () => optionsTable(INETD_OPTIONS),
  },
  {
    path: "docs/status.md",
    start: "<!-- options of status: made by scripts/docs/update_docs.ts -->",
    table: () => optionsTable(STATUS_OPTIONS),
  },
  {
    path: "docs/performance.md",
    start: "<!-- options of bench: made by scripts/docs/update_docs.ts -->",
    table: () => optionsTable(BENCH_OPTIONS),
  },
];
const END = "<!-- end -->";

/** The text with its table made anew. */
export function withTable(text: string, from: string, table: string): string {
  const start = text.indexOf(from) + from.length;
  const end = text.indexOf(END, start);
  return `${text.slice(0, start)}\n\n${table}\n\n${text.slice(end)}`;
}

/** Whether spaces alone differ, which is how the formatter aligns tables. */
export function same(a: string, b: string): boolean {
  const squeeze = (text: string) => text.replace(/[ -]+/g, " ");
  return squeeze(a) === squeeze(b);
}

if (import.meta.main) {
  for (const { path, start, table } of TABLES) {
    const file = new URL(`../../${path}`, import.meta.url);
    const text = Deno.readTextFileSync(file);
    const made = withTable(text, start, table());
    if (!Deno.args.includes("--check")) Deno.writeTextFileSync(file, made);
    else if (!same(text, made)) {
      console.error(`${path} has drifted: run deno run -A scripts/docs/update_docs.ts`);
      Deno.exit(1);
    }
  }
}
