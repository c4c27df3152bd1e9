/**
 * Events as lines for people or machines.
 * @module
 */
import { formatAddress } from "../connection/connection.ts";
import type { ServerEvent } from "../events.ts";
import type { WorkerName } from "../handler/handler.ts";

/** How much of what a client sent or a handler threw is shown. */
const SHOWN = 200;

/** Text of somebody else's, safe for a terminal and for a line. */
export function escape(text: string): string {
  const cut = text.length > SHOWN ? text.slice(0, SHOWN) + "…" : text;
  return cut.replace(
    // deno-lint-ignore no-control-regex -- control characters are what it escapes
    /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => {
      const code = c.charCodeAt(0);
      if (c === "\n") return "\\n";
      if (c === "\r") return "\\r";
      if (c === "\t") return "\\t";
      return code < 256
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16).padStart(4, "0")}`;
    },
  );
}

function who(worker: WorkerName): string {
  return worker.kind === "main" ? "main" : `${worker.kind} ${worker.id}`;
}

const REFUSALS = {
  connections: "too many connections",
  source: "too many connections from its address",
  descriptors: "too few descriptors are left",
};

function times(count: number): string {
  return count > 1 ? `, ${count} times` : "";
}

/** An event as one line for people; null for what they need not see. */
export function prettyLine(
  event: ServerEvent,
  verbose: boolean,
  color: boolean,
): string | null {
  const paint = (code: number, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  switch (event.type) {
    case "listening":
      return event.sockets === "handed over"
        ? "sockets are handed over to the worker processes"
        : event.sockets && verbose
        ? "the workers share the listening socket"
        : null;
    case "accepted":
      return `${paint(32, "+")} ${escape(formatAddress(event.remoteAddr))} #${event.id} on ${
        who(event.worker)
      }`;
    case "message":
      return `${paint(36, "·")} #${event.id} ${event.length} bytes "${
        escape(new TextDecoder("latin1").decode(event.bytes))
      }"`;
    case "closed": {
      const seconds = (event.milliseconds / 1000).toFixed(3);
      const why = event.reason === "handler"
        ? ""
        : ` (${event.reason}${event.error === undefined ? "" : `: ${escape(event.error)}`})`;
      return `${paint(event.reason === "handler" ? 33 : 31, "-")} ${
        escape(formatAddress(event.remoteAddr))
      } #${event.id} ${event.bytesRead} in, ${event.bytesWritten} out, ${seconds} s${why}`;
    }
    case "accept_failed":
      return `${paint(31, "!")} cannot accept: ${event.code}${
        times(event.count)
      }; waiting for room`;
    case "refused":
      return `${paint(31, "!")} refused ${escape(formatAddress(event.remoteAddr))}${
        event.count > 1 ? ` and ${event.count - 1} more` : ""
      }: ${REFUSALS[event.reason]}`;
    case "warning":
      return `${paint(31, "!")} ${escape(event.message)}`;
    case "worker_started":
      return verbose ? `${paint(2, "*")} ${who(event.worker)} is ready` : null;
    case "worker_exited":
      if (event.reason === "exit") {
        return verbose ? `* ${who(event.worker)} has left` : null;
      }
      return `${paint(31, "!")} ${who(event.worker)} ended: ${escape(event.reason)}`;
    case "worker_stuck":
      return `${paint(31, "!")} ${who(event.worker)} is stuck: its connection was ended, ` +
        "and its handler goes on";
    case "unhandled":
      return `${paint(31, "!")} ${who(event.worker)}: nobody handled: ${escape(event.error)}`;
    case "reloaded":
      return "reloaded: newcomers get the handler as it is now";
    case "reload_failed":
      return `${paint(31, "!")} not reloaded, the server goes on as it was: ${escape(event.error)}`;
    case "shutdown":
      return event.open === 0
        ? "shutting down"
        : `shutting down: ${event.open} open; once more ends them`;
    case "shutdown_timeout":
      return `${paint(31, "!")} the shutdown timeout is over: ${event.ended} ended`;
    case "dropped":
      return `! ${event.count} lines of this log were dropped, its reader is slow`;
    default:
      return null;
  }
}

/** An event as one JSON object. */
export function jsonLine(event: ServerEvent): string {
  return JSON.stringify(
    event,
    (_, value) =>
      value instanceof Uint8Array
        ? escape(new TextDecoder("latin1").decode(value))
        : typeof value === "string"
        ? escape(value)
        : value,
  );
}
