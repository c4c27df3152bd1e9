/**
 * A server's status as text for a terminal. All of it is escaped: what answers may be
 * another program than a server of Trivet's.
 * @module
 */
import { type CertificateStatus, formatAddress, type ServerStatus } from "../../mod.ts";
import { escape } from "../log/escape.ts";
import { LETTERS } from "../status/letters.ts";

/** Workers, connections and troubles that are shown. */
const MOST_WORKERS = 20;
const MOST_CONNECTIONS = 10;
const MOST_TROUBLES = 5;
/** What is cut of something that somebody else wrote. */
const SHOWN = 200;

/** Bytes for people. */
export function size(bytes: number | null): string {
  if (bytes === null) return "-";
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < 4);
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${
    ["kB", "MB", "GB", "TB", "PB"][unit]
  }`;
}

/** Milliseconds for people. */
export function time(milliseconds: number | null): string {
  if (milliseconds === null) return "-";
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}

const percent = (part: number | null) => part === null ? "-" : `${Math.round(part * 100)} %`;
const last = (series: readonly number[]) => series.at(-1) ?? 0;
const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((all, count) => all + count, 0);

/**
 * The lines.
 * @param columns how wide the terminal is; lines are cut there
 */
export function statusLines(status: ServerStatus, columns = Infinity): string[] {
  const { totals, history, limits } = status;
  const { certificates = [] } = status; // an older server has none
  const state = status.state === "stopping" ? "stopping" : status.ready ? "serving" : "not ready";
  const refused = sum(totals.refused);
  const errors = sum(totals.errors);
  const lines = [
    `${status.addrs.map(formatAddress).join(", ")}  ${state}  ${status.model}, handler ${
      escape(status.handler, SHOWN)
    }, ${status.runtime} ${status.runtimeVersion}, PID ${status.pid}, up ${time(status.uptime)}`,
    `${status.open} of ${limits.connections} connections, ${status.waiting ?? "unknown"} waiting, ${
      last(history.accepted)
    } new/s, ${size(last(history.bytes))}/s, ${
      status.busy === null ? "" : `busy ${percent(status.busy)}, `
    }loop ${status.loopDelay} ms late`,
    `${totals.accepted} accepted, ${totals.closed} ended (${
      counted(totals.closedBy)
    }), ${totals.probes} without a byte, ${refused} refused${
      refused > 0 ? ` (${counted(totals.refused)})` : ""
    }, ${errors} failed${errors > 0 ? ` (${counted(totals.errors)})` : ""}, ${
      size(totals.bytesRead)
    } in, ${size(totals.bytesWritten)} out`,
    ...certificates.length === 0
      ? []
      : [`TLS, ${certificates.map((each) => end(each, status.time)).join(", ")}`],
    "",
    ...board(status.scoreboard, Math.min(columns, 100)),
    "",
    ...table(
      ["WORKER", "STATE", "AGE", "OPEN", "SERVED", "MEMORY", "BUSY", "DELAY", "TOLD"],
      status.workers.map((worker) => [
        worker.name,
        worker.state + (worker.forked ? ", fork" : ""),
        time(worker.age),
        `${worker.open}`,
        `${worker.served}`,
        size(worker.memory),
        percent(worker.busy),
        worker.loopDelay === null ? "-" : `${worker.loopDelay} ms`,
        worker.reportedAgo === null ? "now" : time(worker.reportedAgo),
      ]),
      MOST_WORKERS,
    ),
  ];
  if (status.connections.length > 0) {
    lines.push(
      "",
      ...table(
        ["CLIENT", "WORKER", "STATE", "AGE", "SILENT", "IN", "OUT"],
        status.connections.map((connection) => [
          escape(formatAddress(connection.client), SHOWN),
          connection.worker,
          connection.state ?? "-",
          time(connection.age),
          time(connection.idle),
          size(connection.bytesRead),
          size(connection.bytesWritten),
        ]),
        MOST_CONNECTIONS,
      ),
    );
  }
  if (status.troubles.length > 0) {
    const troubles = status.troubles.slice(0, MOST_TROUBLES).map(({ time, text }) =>
      `${new Date(time).toISOString().slice(11, 19)}  ${escape(text, SHOWN)}`
    );
    lines.push("", "WENT WRONG (UTC)", ...troubles);
  }
  return lines.map((line) => escape(line, Infinity).slice(0, columns));
}

/** All of it in a line, with the time of day in UTC. */
export function statusLine(status: ServerStatus): string {
  const { totals, history } = status;
  const parts = [
    `${new Date(status.time).toISOString().slice(11, 19)} ${status.open} open`,
    `${status.waiting ?? "unknown"} waiting`,
    `${last(history.accepted)} new/s`,
    `${size(last(history.bytes))}/s`,
    `${totals.accepted} accepted`,
    `${totals.closed} ended`,
    `${sum(totals.refused)} refused`,
    `${sum(totals.errors)} failed`,
    `${status.workers.length} worker${status.workers.length === 1 ? "" : "s"}`,
    `loop ${status.loopDelay} ms late`,
    ...(status.state === "stopping" ? ["stopping"] : status.ready ? [] : ["not ready"]),
  ];
  return escape(parts.join(", "), Infinity);
}

function end({ names, serialNumber, notAfter }: CertificateStatus, now: number): string {
  const left = notAfter - now;
  const name = escape(names[0] ?? serialNumber, SHOWN);
  return left > 0 ? `${name} ends in ${time(left)}` : `${name} has ended`;
}

function counted(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.length === 0 ? "none" : parts.map(([kind, count]) => `${kind} ${count}`).join(", ");
}

/** The letters in lines, and below them what those mean that are there. */
function board(letters: string, columns: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < letters.length; at += columns) lines.push(letters.slice(at, at + columns));
  const there = Object.entries(LETTERS).filter(([letter]) =>
    letter !== "." && letters.includes(letter)
  );
  const key = there.map(([letter, meaning]) => `${letter} ${meaning}`);
  return [...lines, `(${key.join("; ")})`];
}

/** Columns as wide as they must be; the first and those of words to the left. */
function table(heads: readonly string[], rows: readonly (readonly string[])[], most: number) {
  const shown = rows.slice(0, most);
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...shown.map((row) => row[at].length))
  );
  const left = (at: number) => at === 0 || ["WORKER", "STATE"].includes(heads[at]);
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => left(at) ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))
      .join("  ").trimEnd();
  const more = rows.length > most ? [`and ${rows.length - most} more`] : [];
  return [line(heads), ...shown.map(line), ...more];
}
