/**
 * The log of a command: events as lines on standard error, in the format that was asked for.
 * @module
 */
import type { ServerEvent } from "../../mod.ts";
import { formatEvent, stamp } from "../log/format_event.ts";
import { formatJson } from "../log/format_json.ts";
import type { Runtime } from "../runtime.ts";
import { LineWriter } from "./line_writer.ts";
import type { Given } from "./options.ts";
import { Probes, probesLine } from "./probes.ts";
import { UsageError } from "./usage_error.ts";

/** A log that is written. */
export interface EventLog {
  /** Takes an event. */
  event(event: ServerEvent): void;
  /** Writes what waits; gives up on a reader after so many milliseconds. */
  flush(milliseconds: number): Promise<void>;
}

/**
 * The log that --log and --verbose ask for.
 * @throws {UsageError} where they do not go together
 */
export function eventLog(runtime: Runtime, given: Given): EventLog {
  const format = given.text("log") ?? "pretty";
  const verbose = given.has("verbose");
  if (verbose && format === "none") {
    throw new UsageError("--verbose goes without --log none, which logs nothing");
  }
  const isTerminal = runtime.isTerminal("stderr");
  const pretty = { verbose, color: isTerminal && !runtime.env("NO_COLOR"), time: !isTerminal };
  const lineOf = (event: ServerEvent) =>
    format === "json" ? formatJson(event) : formatEvent(event, pretty);
  const dropped = (count: number) => {
    const event: ServerEvent = { time: Date.now(), type: "dropped", count };
    return lineOf(event)!;
  };
  const log = new LineWriter(
    (text) => runtime.writeOut("stderr", text),
    dropped,
  );
  const onLogged = (event: ServerEvent) => {
    const line = format === "none" ? null : lineOf(event);
    if (line !== null) log.line(line);
  };
  const probes = format === "pretty" && !verbose
    ? new Probes(
      onLogged,
      (count) => log.line((pretty.time ? stamp(Date.now()) : "") + probesLine(count)),
    )
    : null;
  return {
    event: probes ? (event) => probes.event(event) : onLogged,
    flush(milliseconds) {
      probes?.flush();
      return log.flush(milliseconds);
    },
  };
}
