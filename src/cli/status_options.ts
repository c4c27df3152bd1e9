/**
 * The options of `status`, each declared once.
 * @module
 */
import type { Option } from "./options.ts";

/** The options of `status`. */
export const STATUS_OPTIONS: readonly Option[] = [
  { name: "watch", often: true, help: "Look again and again, like top; q ends it." },
  {
    name: "interval",
    value: "SECONDS",
    range: [0.1, 3600],
    default: "1",
    help: "With --watch: how long between two looks.",
  },
  {
    name: "json",
    often: true,
    help: "Print what the server tells, whole; with --watch a line each.",
  },
  { name: "help", help: "Show this." },
];
