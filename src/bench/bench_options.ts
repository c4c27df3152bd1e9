/**
 * The options of `bench`, each declared once: the help text, the checks and the
 * table in docs/performance.md come from here.
 * @module
 */
import type { Option } from "../cli/options.ts";
import { MODELS } from "../server/models.ts";

/** The options of `bench`. */
export const BENCH_OPTIONS: readonly Option[] = [
  {
    name: "models",
    often: true,
    value: "MODELS",
    choices: Object.keys(MODELS),
    list: true,
    default: Object.keys(MODELS).join(","),
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
    often: true,
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
    often: true,
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
  { name: "report", often: true, value: "FILE", help: "Write a page with plots, for a browser." },
  { name: "help", help: "Show this." },
];
