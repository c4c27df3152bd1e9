/**
 * What is done with events where nobody listens.
 * @module
 */
import { hasVanished } from "../connection/error_report.ts";
import type { ServerEvent } from "../events.ts";
import { formatEvent } from "./format_event.ts";

/**
 * Takes events, and writes those that somebody should see to standard error, as
 * `Deno.serve` does: errors of handlers, workers that die, warnings. Not of
 * clients that have vanished, nor of workers that a shutdown ends.
 */
export function troubleTeller(complain: (line: string) => void): (event: ServerEvent) => void {
  let stopping = false;
  return (event) => {
    stopping ||= event.type === "shutdown";
    const line = isTrouble(event, stopping) ? formatEvent(event) : null;
    if (line !== null) complain(line);
  };
}

function isTrouble(event: ServerEvent, stopping: boolean): boolean {
  switch (event.type) {
    case "closed":
      return event.reason === "error" && !hasVanished(event.code);
    case "worker_exited":
      return event.reason !== "exit" && !stopping;
    default:
      return TROUBLE.has(event.type);
  }
}

const TROUBLE = new Set(["unhandled", "warning", "accept_failed", "worker_stuck"]);
