/**
 * Every option of the command line, declared once: the help text, the checks
 * and the table in docs/operations.md come from here.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { MODELS } from "../server/models.ts";
import { LARGEST_CREW } from "../server/serve_options.ts";
import { UsageError } from "./usage_error.ts";

/** An option of a command. */
export interface Option {
  /** Without the dashes. */
  readonly name: string;
  /** What stands for its value in the help; none for a switch. */
  readonly value?: string;
  /** What is allowed: one of these, or a number in this range. */
  readonly choices?: readonly string[];
  readonly range?: readonly [number, number];
  /** Shown in the help. */
  readonly default?: string;
  /** One sentence. */
  readonly help: string;
  /** It may be given more than once. */
  readonly repeated?: boolean;
  /** Its value is a list: several of what is allowed, with commas between them. */
  readonly list?: boolean;
}

const LARGEST = 2_000_000;

/** The options of `serve`. */
export const SERVE_OPTIONS: readonly Option[] = [
  {
    name: "model",
    value: "MODEL",
    choices: Object.keys(MODELS),
    default: "multiplex",
    help: "How many clients are served at once.",
  },
  {
    name: "workers",
    value: "N",
    range: [0, LARGEST_CREW],
    default: "0, one loop in the main process",
    help: "Worker processes with an event loop each, which share the clients (multiplex).",
  },
  {
    name: "host",
    value: "HOST",
    default: "127.0.0.1",
    help: "The address or host name to listen on.",
  },
  {
    name: "port",
    value: "PORT",
    range: [0, 65535],
    default: "8888",
    help: "The TCP port; 0 takes a free one.",
  },
  {
    name: "unix",
    value: "PATH",
    help: "Listen on a Unix-domain socket instead.",
  },
  {
    name: "unix-mode",
    value: "MODE",
    default: "what umask leaves",
    help: "Who may connect to it: permission bits, such as 0660.",
  },
  {
    name: "handler",
    value: "MODULE",
    default: 'echo until "bye"',
    help: "A path or URL whose default export is run for each connection.",
  },
  {
    name: "max-connections",
    value: "N",
    range: [1, LARGEST],
    default: Object.entries(MODELS).map(([name, m]) => `${m.maxConnections} ${name}`).join(", "),
    help: "Connections at once.",
  },
  {
    name: "over-limit",
    value: "WHAT",
    choices: ["wait", "refuse"],
    default: "wait",
    help: "Let further clients wait, or close them at once.",
  },
  {
    name: "max-connections-per-source",
    value: "N",
    range: [0, LARGEST],
    default: "0, no limit",
    help: "Connections at once from an address or an IPv6 /64; further ones are closed.",
  },
  {
    name: "max-connections-per-worker",
    value: "N",
    range: [0, LARGEST],
    default: "0, no limit",
    help: "Replace a worker after so many, or up to a fifth fewer (thread, process, --workers).",
  },
  {
    name: "idle-timeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0, never",
    help: "End a connection on which no byte moved for so long.",
  },
  {
    name: "connection-timeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "0, never",
    help: "End a connection that has been open for so long.",
  },
  {
    name: "linger",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "2",
    help: "Wait so long for a client's close after the server's.",
  },
  {
    name: "shutdown-timeout",
    value: "SECONDS",
    range: [0, LARGEST],
    default: "10",
    help: "Let open connections go on so long after the first Ctrl-C.",
  },
  {
    name: "backlog",
    value: "N",
    range: [1, LARGEST],
    default: "511",
    help: "Clients that may wait in the kernel's queue (thread, process, --workers).",
  },
  {
    name: "spares",
    value: "N",
    range: [1, 1024],
    default: "4",
    help: "Idle workers kept ready (thread, process).",
  },
  {
    name: "hand-over",
    help: "Accept here and hand each socket over to a worker (process).",
  },
  {
    name: "worker-args",
    value: "ARG",
    repeated: true,
    help: "One more argument for the runtime of worker processes.",
  },
  {
    name: "max-worker-memory",
    value: "MIB",
    range: [0, LARGEST],
    default: "0, no limit",
    help:
      "Replace a worker that holds more; end one that holds twice as much (process, --workers).",
  },
  {
    name: "worker-permissions",
    value: "FLAG",
    repeated: true,
    default: "those of the server",
    help: "A permission flag of Deno for worker processes, or none for none at all.",
  },
  {
    name: "log",
    value: "FORMAT",
    choices: ["pretty", "json", "none"],
    default: "pretty",
    help: "What goes to standard error.",
  },
  { name: "verbose", help: "Log each message too." },
  { name: "help", help: "Show this." },
];

/** The options of `connect`. */
export const CONNECT_OPTIONS: readonly Option[] = [
  { name: "unix", value: "PATH", help: "Connect to a Unix-domain socket." },
  { name: "raw", help: "Print NUL bytes too." },
  { name: "help", help: "Show this." },
];

/** The options of `bench`. */
export const BENCH_OPTIONS: readonly Option[] = [
  {
    name: "models",
    value: "MODELS",
    choices: Object.keys(MODELS),
    list: true,
    default: Object.keys(MODELS).filter((model) => model !== "iterative").join(","),
    help: "The models to compare.",
  },
  {
    name: "runtimes",
    value: "RUNTIMES",
    choices: ["deno", "bun", "node"],
    list: true,
    default: "the one that runs this",
    help: "The runtimes to compare them on, as found on PATH.",
  },
  {
    name: "scenario",
    value: "SCENARIOS",
    choices: ["message", "stream", "connect", "idle", "blocked"],
    list: true,
    default: "message",
    help: "What the clients do.",
  },
  {
    name: "handler",
    value: "MODULE",
    default: 'echo until "bye"',
    help: "Your handler; it must send back what it gets.",
  },
  {
    name: "peer",
    value: "NAME=COMMAND",
    repeated: true,
    help: "Compare another server, too; {port} in its command is a free port.",
  },
  {
    name: "connections",
    value: "N",
    range: [1, 100_000],
    list: true,
    default: "50 message, 8 stream, 8 connect, 1000 idle",
    help: "Clients at once; several numbers are measured one after the other.",
  },
  {
    name: "size",
    value: "BYTES",
    range: [1, 1_048_576],
    default: "100; 65536 stream",
    help: "Bytes in a message.",
  },
  {
    name: "seconds",
    value: "SECONDS",
    range: [0.1, 3600],
    default: "5",
    help: "How long each run is measured, after one second to warm up.",
  },
  {
    name: "rounds",
    value: "N",
    range: [1, 100],
    default: "3",
    help: "How often each server is measured; the table shows medians.",
  },
  { name: "json", value: "FILE", help: "Write every run and every figure to a file." },
  { name: "report", value: "FILE", help: "Write a page with plots, for a browser." },
  { name: "help", help: "Show this." },
];

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
        throw new UsageError(
          `unknown option ${argument.split("=")[0]}; see --help`,
        );
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
    const lines = [left.padEnd(INDENT - 1)];
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
