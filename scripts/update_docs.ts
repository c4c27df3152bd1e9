/**
 * Writes the tables that the docs take from the code. With `--check` it writes
 * nothing, and fails where they have drifted.
 * @module
 */
import { optionsTable, SERVE_OPTIONS } from "../src/cli/options.ts";

const FILE = new URL("../docs/operations.md", import.meta.url);
const START = "<!-- options of serve: made by scripts/update_docs.ts -->";
const END = "<!-- end -->";

/** The text with its table made anew. */
export function withTable(text: string): string {
  const start = text.indexOf(START) + START.length;
  const end = text.indexOf(END, start);
  return `${text.slice(0, start)}\n\n${optionsTable(SERVE_OPTIONS)}\n\n${text.slice(end)}`;
}

/** Whether spaces alone differ, which is how the formatter aligns tables. */
export function same(a: string, b: string): boolean {
  const squeeze = (text: string) => text.replace(/[ -]+/g, " ");
  return squeeze(a) === squeeze(b);
}

if (import.meta.main) {
  const text = Deno.readTextFileSync(FILE);
  const made = withTable(text);
  if (!Deno.args.includes("--check")) Deno.writeTextFileSync(FILE, made);
  else if (!same(text, made)) {
    console.error(
      "docs/operations.md has drifted: run deno run -A scripts/update_docs.ts",
    );
    Deno.exit(1);
  }
}
