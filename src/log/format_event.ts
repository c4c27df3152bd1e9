/**
 * Events as lines for people.
 * @module
 */
import { type Address, formatAddress } from "../connection/connection.ts";
import type { RefusalReason, ServerEvent } from "../events.ts";
import type { WorkerName } from "../handler/handler.ts";
import { escape, quote } from "./escape.ts";

/** How much of what a client sent, and of what a handler threw, is shown. */
const SHOWN = 200;
/** The same of what the user has to read to the end. */
const SHOWN_OF_ADVICE = 2000;

/** How an event is shown. */
export interface FormatOptions {
  /**
   * Events too that tell of no client and of nothing that is wrong, and of strangers who do not
   * shake hands where TLS is expected. @default {false}
   */
  verbose?: boolean;
  /** Colours, as terminals understand them. @default {false} */
  color?: boolean;
  /** The time before each line, in UTC (ISO 8601). @default {false} */
  time?: boolean;
}

function who(worker: WorkerName): string {
  return worker.kind === "main" ? "main" : `${worker.kind} ${worker.id}`;
}

function address(address: Address): string {
  return escape(formatAddress(address), SHOWN);
}

/** Lines of a stack, indented; none for an error of the system, which its code explains. */
function whereThrown({ code, stack }: { readonly code?: string; readonly stack?: string }): string {
  if (stack === undefined || /^E[A-Z0-9]+$/.test(code ?? "")) return "";
  const lines = stack.split("\n");
  const first = lines.findIndex((line) => /^(\s+at |One of its errors: |Caused by: )/.test(line));
  if (first < 0) return "";
  return lines.slice(first).map((line) => `\n    ${escape(line.trim(), SHOWN_OF_ADVICE)}`).join("");
}

/** What runs here, in a line. */
function listening(event: Extract<ServerEvent, { type: "listening" }>, verbose: boolean): string {
  const { model, handler, pid, workers, maxConnections, tls, sockets, status, keepsSilent } = event;
  const most = `${maxConnections} connection${maxConnections === 1 ? "" : "s"} at most`;
  const parts = [
    model,
    `handler ${escape(handler, SHOWN_OF_ADVICE)}`,
    `PID ${pid}`,
    ...(workers > 0 ? [`${workers} worker${workers === 1 ? "" : "s"}`] : []),
    most,
    ...(tls ? [tls === "all" ? "TLS" : "TLS in some places"] : []),
    ...(sockets === "handed over"
      ? ["sockets are handed over to the worker processes"]
      : sockets && verbose
      ? [`the workers share the listening socket${event.addrs ? "s" : ""}`]
      : []),
    ...(status
      ? [`status on ${status.transport === "tcp" ? "http://" : ""}${address(status)}`]
      : []),
    ...(keepsSilent
      ? ["silent clients stay for ever without --idle-timeout or --first-byte-timeout"]
      : []),
  ];
  return parts.join(", ");
}

const REFUSALS = {
  connections: "too many connections",
  source: "too many connections from its address",
  descriptors: "too few descriptors are left",
  denied: "clients from there may not come",
  proxy_untrusted: "it is not trusted to send a PROXY header",
  proxy_header: "no right PROXY header",
  proxy_timeout: "no PROXY header in time",
  tls_none: "no TLS",
  tls_handshake: "no handshake",
  tls_timeout: "no handshake in time",
  tls_certificate: "no certificate that is trusted",
};

/** What strangers do all day to each port of the open network. */
const NOISE: ReadonlySet<RefusalReason> = new Set(["tls_none", "tls_handshake", "tls_timeout"]);

function times(count: number): string {
  return count > 1 ? `, ${count} times` : "";
}

/** A time as a line of the log begins with it. */
export function stamp(time: number): string {
  return `${new Date(time).toISOString()} `;
}

/**
 * An event as a line for people, and below it, indented, where an error was
 * thrown. What clients and handlers wrote in it is escaped.
 * @returns null for what they need not see
 */
export function formatEvent(event: ServerEvent, options: FormatOptions = {}): string | null {
  const line = lineOf(event, options);
  return line === null || !options.time ? line : stamp(event.time) + line;
}

function lineOf(event: ServerEvent, options: FormatOptions): string | null {
  const { verbose = false, color = false } = options;
  const paint = (code: number, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  switch (event.type) {
    case "listening":
      return listening(event, verbose);
    case "accepted":
      return `${paint(32, "+")} ${address(event.remoteAddr)} #${event.id} on ${who(event.worker)}`;
    case "message":
      return `${paint(36, "·")} #${event.id} ${event.length} bytes ${quote(event.bytes, SHOWN)}`;
    case "closed": {
      const seconds = (event.milliseconds / 1000).toFixed(3);
      const counts = event.bytesRead === undefined
        ? ""
        : ` ${event.bytesRead} in, ${event.bytesWritten} out,`;
      const why = event.reason === "handler"
        ? ""
        : ` (${event.reason}${event.error === undefined ? "" : `: ${escape(event.error, SHOWN)}`})`;
      return `${paint(event.reason === "handler" ? 33 : 31, "-")} ${
        address(event.remoteAddr)
      } #${event.id}${counts} ${seconds} s${why}${whereThrown(event)}`;
    }
    case "accept_failed":
      return `${paint(31, "!")} cannot accept: ${event.code}${
        times(event.count)
      }; waiting for room`;
    case "refused":
      if (!verbose && NOISE.has(event.reason)) return null;
      return `${paint(31, "!")} refused ${address(event.remoteAddr)}${
        event.count > 1 ? ` and ${event.count - 1} more` : ""
      }: ${REFUSALS[event.reason]}${
        event.error === undefined ? "" : ` (${escape(event.error, SHOWN)})`
      }`;
    case "warning":
      return `${paint(31, "!")} ${escape(event.message, SHOWN_OF_ADVICE)}`;
    case "worker_started":
      return verbose
        ? `${paint(2, "*")} ${who(event.worker)} is ready${event.forked ? ", a fork" : ""}`
        : null;
    case "worker_exited":
      if (event.reason === "exit") {
        return verbose ? `* ${who(event.worker)} has left` : null;
      }
      return `${paint(31, "!")} ${who(event.worker)} ended: ${
        escape(event.reason, SHOWN_OF_ADVICE)
      }`;
    case "worker_stuck":
      return `${paint(31, "!")} ${who(event.worker)} is stuck: its connection was ended, ` +
        "and its handler goes on";
    case "unhandled":
      return `${paint(31, "!")} ${who(event.worker)}: nobody handled: ${
        escape(event.error, SHOWN)
      }${whereThrown(event)}`;
    case "reloaded":
      return event.only === "files"
        ? "reloaded: the files are read again, for newcomers; the handler stays as it was"
        : "reloaded: newcomers get the handler as it is now";
    case "reload_failed":
      return `${paint(31, "!")} not reloaded, the server goes on as it was: ${
        escape(event.error, SHOWN_OF_ADVICE)
      }`;
    case "draining":
      return `stopping: clients are accepted for ${event.milliseconds / 1000} s more, ` +
        `${event.open} open; once more ends them`;
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
