/**
 * What an option of the command line is, and how a command line is read and
 * checked by a table of them.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "../nearest.ts";
import { UsageError } from "./usage_error.ts";

/** An option of a command. */
export interface Option {
  /** Without the dashes. */
  readonly name: string;
  /** What stands for its value in the help; none for a switch. `SECONDS` may have a fraction. */
  readonly value?: string;
  /** What is allowed: one of these, or a number in this range. */
  readonly choices?: readonly string[];
  readonly range?: readonly [number, number];
  /** Shown in the help. */
  readonly default?: string;
  /** One sentence. */
  readonly help: string;
  /** It is used often, so that the help of all commands shows it too. */
  readonly often?: boolean;
  /** It may be given more than once. */
  readonly repeated?: boolean;
  /** Its value is a list: several of what is allowed, with commas between them. */
  readonly list?: boolean;
}

/** The values that were given, by option name. */
export interface Given {
  /** Words that are no options. */
  readonly words: string[];
  /** The text given for an option. */
  text(name: string): string | undefined;
  /** The texts given for an option that may be repeated. */
  texts(name: string): string[];
  /** The number given for an option. */
  number(name: string): number | undefined;
  /** The values given for an option that takes a list, each once. */
  list(name: string): string[] | undefined;
  /** Whether a switch was given. */
  has(name: string): boolean;
}

/**
 * The command line, checked.
 * @throws {UsageError} that names the flag and says what would be right
 */
export function parseOptions(
  args: string[],
  options: readonly Option[],
): Given {
  const byName = new Map(options.map((option) => [option.name, option]));
  const seen = new Map<string, string[]>();
  const parsed = parseArgs(
    joined(args, byName),
    {
      string: ["_", ...options.filter((o) => o.value).map((o) => o.name)],
      boolean: options.filter((o) => !o.value).map((o) => o.name),
      alias: { help: "h" },
      unknown: (argument, key) => {
        if (key === undefined) return true;
        const given = argument.split("=")[0];
        const meant = nearest(given, [...byName.keys()]);
        const hint = meant === undefined ? "see" : `did you mean --${meant}? See`;
        throw new UsageError(`unknown option ${given}; ${hint} --help`);
      },
      collect: options.filter((o) => o.value).map((o) => o.name),
    } as Parameters<typeof parseArgs>[1],
  );
  for (const [name, value] of Object.entries(parsed)) {
    const option = byName.get(name);
    if (!option?.value) continue;
    const texts = value as string[];
    if (texts.length === 0) continue;
    if (texts.length > 1 && !option.repeated) {
      throw new UsageError(`--${name} is given twice`);
    }
    for (const text of texts) {
      for (const part of option.list ? text.split(",") : [text]) check(option, part);
    }
    seen.set(name, texts);
  }
  return {
    words: parsed._.map(String),
    text: (name) => seen.get(name)?.[0],
    texts: (name) => seen.get(name) ?? [],
    number: (name) => seen.has(name) ? Number(seen.get(name)![0]) : undefined,
    list: (name) => seen.has(name) ? [...new Set(seen.get(name)![0].split(","))] : undefined,
    has: (name) => parsed[name] === true,
  };
}

/** `--name value` as `--name=value`, so that a value may begin with a dash. */
function joined(args: string[], byName: Map<string, Option>): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [, name, given] = /^--([^=]+)(?:=(.*))?$/s.exec(args[i]) ?? [];
    const option = byName.get(name);
    if (!option?.value) {
      if (option && given !== undefined) throw new UsageError(`--${name} takes no value`);
      result.push(args[i]);
      continue;
    }
    const value = given ?? args[++i];
    if (!value) throw new UsageError(`--${name} needs a value: --${name} ${option.value}`);
    result.push(`--${name}=${value}`);
  }
  return result;
}

function check(option: Option, text: string): void {
  const flag = `--${option.name}`;
  if (option.choices && !option.choices.includes(text)) {
    throw new UsageError(
      `${flag} is one of ${option.choices.join(", ")}: not "${text}"`,
    );
  }
  if (option.range) {
    const [min, max] = option.range;
    const fraction = option.value === "SECONDS";
    const right = fraction ? /^\d+(\.\d+)?$/.test(text) : /^\d+$/.test(text);
    if (!right || Number(text) < min || Number(text) > max) {
      const kind = fraction ? "a number of seconds" : "a whole number";
      throw new UsageError(
        `${flag} is ${kind} from ${min} to ${max}: not "${text}"`,
      );
    }
  }
}
