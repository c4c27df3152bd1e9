/**
 * A table of options for people: as the help text, and as the table in the docs.
 * @module
 */
import type { Option } from "./options.ts";

function describeChoices({ choices, list }: Option): string {
  if (!choices) return "";
  return ` ${list ? "Some of" : "One of"} ${choices.join(", ")}${list ? ", with commas" : ""}.`;
}

/** Where the help texts of options begin, and where they end. */
const [INDENT, WIDTH] = [28, 80];

/** The options, for the help text. */
export function describeOptions(options: readonly Option[]): string {
  return options.map((option) => {
    const left = `  --${option.name}${option.value ? ` ${option.value}` : ""}`;
    const standard = option.default ? ` [${option.default}]` : "";
    const lines = left.length < INDENT - 1
      ? [left.padEnd(INDENT - 1)]
      : [left, " ".repeat(INDENT - 1)];
    for (const word of `${option.help}${describeChoices(option)}${standard}`.split(" ")) {
      const line = `${lines.at(-1)} ${word}`;
      if (line.length <= WIDTH) lines[lines.length - 1] = line;
      else lines.push(" ".repeat(INDENT) + word);
    }
    return lines.join("\n");
  }).join("\n");
}

/** The options as the Markdown table of the docs. */
export function optionsTable(options: readonly Option[]): string {
  return [
    "| option | default | what it does |",
    "| --- | --- | --- |",
    ...options.map((o) =>
      `| \`--${o.name}${o.value ? ` ${o.value}` : ""}\` | ${o.default ?? "-"} | ${o.help}${
        describeChoices(o)
      } |`
    ),
  ].join("\n");
}
