/**
 * The options of `connect`, each declared once.
 * @module
 */
import type { Option } from "./options.ts";

/** The options of `connect`. */
export const CONNECT_OPTIONS: readonly Option[] = [
  { name: "unix", often: true, value: "PATH", help: "Connect to a Unix-domain socket." },
  { name: "raw", help: "Print NUL bytes too." },
  { name: "help", help: "Show this." },
];
