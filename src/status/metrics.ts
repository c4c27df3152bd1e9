/**
 * The status as Prometheus reads it: its text format 0.0.4, or OpenMetrics 1.0. No
 * address, id or PID is a label, so the number of series has an end.
 * @module
 */
import type { CertificateStatus, ServerStatus } from "./server_status.ts";

type Labels = Readonly<Record<string, string | number>>;
/** A number of which there is one, or one of several with labels; null is not told. */
type Value = number | null | readonly [labels: Labels, value: number];

function escape(text: string | number): string {
  return String(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function sample(name: string, labels: Labels, value: number): string {
  const all = Object.entries(labels).map(([key, value]) => `${key}="${escape(value)}"`).join(",");
  return `${name}${all === "" ? "" : `{${all}}`} ${value}\n`;
}

/** Metrics as text, one after the other. */
class Text {
  #text = "";
  readonly #open: boolean;

  constructor(open: boolean) {
    this.#open = open;
  }

  gauge(name: string, help: string, ...values: Value[]): void {
    this.#family(name, "gauge", help, name, values);
  }

  /** @param name ends with `_total`, which OpenMetrics leaves out of the family's name */
  counter(name: string, help: string, ...values: Value[]): void {
    const family = this.#open ? name.replace(/_total$/, "") : name;
    this.#family(family, "counter", help, name, values);
  }

  histogram(
    name: string,
    help: string,
    { buckets, counts, sum }: ServerStatus["durations"],
  ): void {
    this.#head(name, "histogram", help);
    let count = 0;
    counts.forEach((more, at) => {
      count += more;
      const le = at === buckets.length ? "+Inf" : this.#bound(buckets[at]);
      this.#text += sample(`${name}_bucket`, { le }, count);
    });
    this.#text += sample(`${name}_sum`, {}, sum / 1000) + sample(`${name}_count`, {}, count);
  }

  end(): string {
    return this.#open ? `${this.#text}# EOF\n` : this.#text;
  }

  /** OpenMetrics wants a number with a point. */
  #bound(seconds: number): string {
    return this.#open && Number.isInteger(seconds) ? `${seconds}.0` : `${seconds}`;
  }

  #family(
    family: string,
    type: string,
    help: string,
    name: string,
    values: readonly Value[],
  ): void {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return;
    this.#head(family, type, help);
    for (const value of known) {
      this.#text += typeof value === "number" ? sample(name, {}, value) : sample(name, ...value);
    }
  }

  #head(family: string, type: string, help: string): void {
    this.#text += `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`;
  }
}

function by(label: string, counts: Readonly<Record<string, number>>): Value[] {
  return Object.entries(counts).map(([kind, count]) => [{ [label]: kind }, count]);
}

/** The end of the first that ends, of those with one name; a serial number is new with each renewal. */
function ends(certificates: readonly CertificateStatus[]): Value[] {
  const first = new Map<string, number>();
  for (const { names, serialNumber, notAfter } of certificates) {
    const name = names[0] ?? serialNumber;
    first.set(name, Math.min(notAfter / 1000, first.get(name) ?? Infinity));
  }
  return [...first].map(([certificate, end]): Value => [{ certificate }, end]);
}

const WORKER_STATES = ["starting", "idle", "busy", "leaving", "stuck"] as const;

/**
 * The metrics.
 * @param open as OpenMetrics
 */
export function metrics(status: ServerStatus, open: boolean): string {
  const { totals, limits, workers, model, version, runtime } = status;
  const text = new Text(open);
  const states = WORKER_STATES.map((state): Value => [
    { state },
    workers.filter((worker) => worker.state === state).length,
  ]);
  const delays = workers.flatMap(({ loopDelay }) => loopDelay ?? []);
  const shares = workers.flatMap(({ busy }) => busy ?? []);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  text.gauge("trivet_info", "What runs here; always 1.", [{ version, runtime, model }, 1]);
  text.gauge("trivet_up_seconds", "Time since the server began to serve.", status.uptime / 1000);
  text.gauge("trivet_ready", "Whether a client would be served.", Number(status.ready));
  text.gauge("trivet_connections", "Connections that are open.", status.open);
  text.gauge("trivet_connections_max", "Connections that may be open at once.", limits.connections);
  text.counter(
    "trivet_connections_accepted_total",
    "Connections that a handler got.",
    totals.accepted,
  );
  text.counter(
    "trivet_connections_closed_total",
    "Connections that have ended, by why.",
    ...by("reason", totals.closedBy),
  );
  text.counter(
    "trivet_connections_probes_total",
    "Connections on which no byte moved.",
    totals.probes,
  );
  text.counter(
    "trivet_connections_refused_total",
    "Clients that were not let in, by why.",
    ...by("reason", totals.refused),
  );
  text.histogram(
    "trivet_connection_duration_seconds",
    "How long connections were open that have ended.",
    status.durations,
  );
  text.counter("trivet_received_bytes_total", "Bytes that handlers have read.", totals.bytesRead);
  text.counter("trivet_sent_bytes_total", "Bytes that handlers have written.", totals.bytesWritten);
  text.gauge("trivet_backlog", "Clients that wait to be accepted.", status.waiting);
  text.counter(
    "trivet_accept_errors_total",
    "Failures of accept, by error.",
    ...by("code", totals.acceptErrors),
  );
  text.gauge("trivet_workers", "Workers, by what they do.", ...states);
  text.counter("trivet_workers_started_total", "Workers that were ready.", totals.workersStarted);
  text.counter(
    "trivet_worker_exits_total",
    "Workers that have ended, by how.",
    ...by("reason", totals.workersExited),
  );
  text.counter(
    "trivet_reloads_total",
    "Reloads, by what came of them.",
    ...by(
      "result",
      totals.reloads,
    ),
  );
  text.counter(
    "trivet_unhandled_errors_total",
    "Errors of no connection that was open.",
    totals.unhandled,
  );
  text.gauge(
    "trivet_tls_certificate_expiry_timestamp_seconds",
    "When a certificate ends that the server shows, by its first name.",
    ...ends(status.certificates),
  );
  text.gauge(
    "trivet_loop_delay_seconds",
    "How late a timer was, on the latest event loop.",
    Math.max(status.loopDelay, ...delays) / 1000,
  );
  text.gauge(
    "trivet_loop_busy_ratio",
    "Part of the time in which event loops did not wait, their mean.",
    shares.length === 0 ? null : mean,
  );
  text.gauge(
    "process_resident_memory_bytes",
    "Memory of the main process, without files.",
    status.memory,
  );
  text.gauge(
    "process_start_time_seconds",
    "When the server began to serve.",
    status.started / 1000,
  );
  return text.end();
}
