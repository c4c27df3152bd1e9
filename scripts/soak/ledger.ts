/**
 * The accounts of a soak: each connection as its client saw it, beside what the
 * server's log says of it. What agrees is counted and forgotten; what does not
 * is a complaint.
 * @module
 */
import { formatAddress, type ServerEvent } from "../../mod.ts";
import { ALL_KINDS, type Kind, type Visit } from "./clients.ts";

type Accepted = Extract<ServerEvent, { type: "accepted" }>;
type Closed = Extract<ServerEvent, { type: "closed" }>;

/** What can become of a connection that is accounted for. */
export const ENDS = [
  /** Served whole. */
  "whole",
  /** The client reset it or went away in the middle, on purpose. */
  "left",
  /** The client was silent for longer than it might. */
  "timeout",
  /** The run killed its worker. */
  "killed",
] as const;
export type End = typeof ENDS[number];

/** Milliseconds after which both sides have told what they know. */
const SETTLED = 2000;
/** Milliseconds within which a client notices that its worker was killed. */
const NOTICED = 20_000;

/** Compares what clients and the server say. */
export class Ledger {
  readonly counts: Record<Kind, Record<End, number>>;
  /** What is wrong, the first of it in words. */
  readonly complaints: string[] = [];
  complained = 0;
  /** Connections whose worker was killed after the client had its whole answer. */
  servedBeforeKill = 0;
  /** Connections whose worker was killed before it had told of them. */
  untold = 0;
  /** Clients that left before the server had accepted them. */
  unseen = 0;
  readonly #open = new Map<string, Accepted>();
  readonly #closed: { readonly accepted: Accepted; readonly closed: Closed }[] = [];
  /** By their sources. */
  readonly #visits = new Map<string, Visit>();
  /** When each worker was killed; those that broke nobody's connection so far. */
  readonly #kills = new Map<number, number>();
  readonly #blameless = new Map<number, number>();

  constructor() {
    const none = () => Object.fromEntries(ENDS.map((end) => [end, 0])) as Record<End, number>;
    this.counts = Object.fromEntries(ALL_KINDS.map((kind) => [kind, none()])) as typeof this.counts;
  }

  get kills(): number {
    return this.#kills.size;
  }

  /** Connections that were accounted for. */
  get total(): number {
    return Object.values(this.counts).flatMap(Object.values<number>).reduce((a, b) => a + b, 0);
  }

  complain(text: string): void {
    if (this.complained++ < 20) this.complaints.push(text);
  }

  /** A client has connected. */
  connected(visit: Visit): void {
    if (this.#visits.has(visit.source)) this.complain(`two clients came from ${visit.source}`);
    this.#visits.set(visit.source, visit);
  }

  /** The run kills this worker now. */
  killing(pid: number): void {
    this.#kills.set(pid, Date.now());
    this.#blameless.set(pid, Date.now());
  }

  /** The server says something. */
  event(event: ServerEvent): void {
    switch (event.type) {
      case "accepted":
        if (this.#open.has(event.id)) this.complain(`#${event.id} was accepted twice`);
        this.#open.set(event.id, event);
        return;
      case "closed": {
        const accepted = this.#open.get(event.id);
        if (!accepted) return this.complain(`#${event.id} was closed, and was not open`);
        this.#open.delete(event.id);
        this.#closed.push({ accepted, closed: event });
        return;
      }
      case "worker_exited":
        if (event.reason !== "exit" && !this.#kills.has(event.worker.id)) {
          this.complain(`worker ${event.worker.id} ended by itself: ${event.reason}`);
        }
        return;
      case "dropped":
        return this.complain(`${event.count} lines of the log are lost, so nothing can be proved`);
      case "listening":
      case "worker_started":
      case "shutdown":
        return;
      default:
        this.complain(`the server says ${JSON.stringify(event)}`);
    }
  }

  /** Compares what is over on both sides; at the end, everything. */
  settle(end = false): void {
    const limit = end ? Infinity : Date.now() - SETTLED;
    while (this.#closed.length > 0 && this.#closed[0].closed.time <= limit) {
      const { accepted, closed } = this.#closed[0];
      const source = formatAddress(accepted.remoteAddr);
      // Who was reset before it noticed that it was connected does not know its port.
      const visit = this.#visits.get(source) ??
        this.#visits.get(source.replace(/\d+$/, "undefined"));
      // The server may end a connection some time before its client does.
      if (visit && visit.fate === null && !end) break;
      this.#closed.shift();
      if (visit) this.#compare(visit, closed);
      else this.complain(`no client knows of ${JSON.stringify(closed)}`);
    }
    if (!end) return;
    for (const visit of this.#visits.values()) this.#unheardOf(visit);
    for (const event of this.#open.values()) this.complain(`#${event.id} was never closed`);
  }

  #compare(visit: Visit, closed: Closed): void {
    this.#visits.delete(visit.source);
    const { fate } = visit;
    const { reason } = closed;
    if (reason === "worker") {
      if (!this.#kills.has(closed.worker.id)) return this.#disagree(visit, closed);
      if (!this.#blameless.delete(closed.worker.id)) {
        this.complain(`worker ${closed.worker.id} took more than one connection with it`);
      }
    }
    if (fate === "left") this.counts[visit.kind].left++;
    else if (fate === "cut" && reason === "timeout") this.counts[visit.kind].timeout++;
    else if (fate === "whole" && reason === "handler" && closed.bytesWritten === visit.received) {
      this.counts[visit.kind].whole++;
    } else if (fate === "whole" && reason === "worker") {
      this.counts[visit.kind].whole++;
      this.servedBeforeKill++;
    } else if ((fate === "broken" || fate === "cut") && reason === "worker") {
      this.counts[visit.kind].killed++;
    } else this.#disagree(visit, closed);
  }

  /** A client of whom the server says nothing. */
  #unheardOf(visit: Visit): void {
    if (visit.fate === "left") {
      this.counts[visit.kind].left++;
      this.unseen++;
      return;
    }
    // A worker may be killed between its accept and the word about it.
    for (const [pid, time] of this.#blameless) {
      if (visit.fate === "broken" || visit.fate === "cut") {
        if (visit.ended < time - 50 || visit.ended > time + NOTICED) continue;
        this.#blameless.delete(pid);
        this.counts[visit.kind].killed++;
        this.untold++;
        return;
      }
    }
    this.#disagree(visit, null);
  }

  #disagree(visit: Visit, closed: Closed | null): void {
    this.complain(
      `${visit.kind} client from ${visit.source}: ${visit.fate} ${visit.error}, ` +
        `${visit.received} bytes after ${visit.ended - visit.began} ms; the server says ` +
        (closed ? JSON.stringify(closed) : "nothing"),
    );
  }
}
