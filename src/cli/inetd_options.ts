/**
 * The options of `inetd`: those of `serve` that are about one connection and the log.
 * @module
 */
import { SERVE_OPTIONS, type ServeOption } from "./serve_options.ts";
import { TLS_OPTIONS } from "./tls_options.ts";

const NAMES = [
  "handler",
  ...TLS_OPTIONS.map(({ name }) => name),
  "idle-timeout",
  "connection-timeout",
  "linger",
  "shutdown-timeout",
  "log",
  "verbose",
  "help",
];

/** The options of `inetd`. */
export const INETD_OPTIONS: readonly ServeOption[] = NAMES.map((name) => {
  const option = SERVE_OPTIONS.find((option) => option.name === name)!;
  return name === "help" ? option : { ...option, often: name === "handler" };
});
