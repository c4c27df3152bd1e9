/**
 * The certificates that a server shows: what is told of them, and a warning before one ends.
 * @module
 */
import type { EventSink } from "../events.ts";
import type { ServingSettings } from "../serving/serving_settings.ts";
import type { Tls } from "../tls/tls_engine.ts";
import type { CertificateStatus } from "../status/server_status.ts";
import { dateOf } from "../serving/tls_files.ts";

const DAY = 24 * 3600 * 1000;
/** Days before its end in which there is a warning. */
const WARNING_DAYS = 14;

/** The certificates of one server. */
export class CertificateWatch {
  readonly #emit: EventSink;
  #shown: readonly CertificateStatus[] = [];
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(emit: EventSink) {
    this.#emit = emit;
  }

  /** Those that are shown now, each once. */
  get shown(): readonly CertificateStatus[] {
    return this.#shown;
  }

  /** From here on these are shown. Warns at once and then once a day, until `stop`. */
  show(engines: Pick<Tls, "certificateFacts">, tls: ServingSettings["tls"]): void {
    const certs = tls.flatMap((secured) => secured?.certificates.map(({ cert }) => cert) ?? []);
    this.#shown = [...new Set(certs)].map((cert) => {
      const { names, serialNumber, notAfter } = engines.certificateFacts(cert);
      return { names, serialNumber, notAfter };
    });
    this.#warn();
    if (certs.length > 0) this.#timer ??= setInterval(() => this.#warn(), DAY);
  }

  /** Warns no more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #warn(): void {
    for (const certificate of this.#shown) {
      const message = warning(certificate, Date.now());
      if (message !== null) this.#emit({ type: "warning", message });
    }
  }
}

/** What there is to say of a certificate's end; null while it is far. */
export function warning(
  { names, serialNumber, notAfter }: CertificateStatus,
  now: number,
): string | null {
  const days = Math.ceil((notAfter - now) / DAY);
  if (days > WARNING_DAYS) return null;
  const name = names.length === 0 ? `with the serial number ${serialNumber}` : `for ${names[0]}`;
  return `the certificate ${name} ${when(days)}, on ${
    dateOf(notAfter)
  }: renew it, and reload (SIGHUP)`;
}

/** Each day another, for what was told already is not told again. */
function when(days: number): string {
  if (days > 1) return `ends in ${days} days`;
  if (days === 1) return "ends within a day";
  return days > -1 ? "has ended" : `has ended, ${-days} day${days === -1 ? "" : "s"} ago`;
}
