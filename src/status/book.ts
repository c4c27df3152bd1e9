/**
 * From events to what is there: the connections that are open, the workers, and
 * counts. Nothing else is counted, so it agrees with the log.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { ConnectionDoing } from "../connection/socket.ts";
import { hasVanished } from "../connection/error_report.ts";
import type { EventSink, UntimedEvent } from "../events.ts";
import type { WorkerName } from "../handler/handler.ts";
import { formatEvent } from "../log/format_event.ts";
import { errorKind, exitKind, Totals } from "./totals.ts";

/** A connection that is open. Times are those of `performance.now()`. */
export interface OpenConnection {
  readonly id: string;
  readonly remoteAddr: Address;
  readonly worker: WorkerName;
  readonly since: number;
  /** Whether its worker has told of it while it is open. */
  isTold: boolean;
  bytesRead: number;
  bytesWritten: number;
  doing: ConnectionDoing | null;
  /** When its bytes were last seen to have moved. */
  moved: number;
}

/**
 * Is told of a connection that is open. No object for each: with thousands of them, once
 * a second, that would be garbage worth a tenth of their memory.
 */
export type Look = (
  id: string,
  doing: ConnectionDoing,
  bytesRead: number,
  bytesWritten: number,
) => void;

/** A worker that was ready, and has not ended. */
export interface KnownWorker {
  readonly since: number;
  readonly forked: boolean;
  /** Connections that it has had. */
  served: number;
  stuck: boolean;
}

/** How many troubles are remembered. */
const MOST_TROUBLES = 20;
/** How much of each. */
const TROUBLE_LENGTH = 300;

/** Something that went wrong, and when. */
interface Trouble {
  readonly time: number;
  readonly text: string;
}

/** What a worker is called. */
export function workerName({ kind, id }: WorkerName): string {
  return kind === "main" ? "main" : `${kind} ${id}`;
}

/** A handler can write to its worker's channel and memory: what is no count is none. */
function countOf(value: number | undefined): number {
  return Number.isSafeInteger(value) && value! > 0 ? value! : 0;
}

/**
 * Whether a connection was one as probes make: no byte moved, or it was a proxy's own, and
 * none came. Whoever speaks first speaks to a check too.
 */
export function isProbe(
  { bytesRead, bytesWritten, local }: Extract<UntimedEvent, { type: "closed" }>,
): boolean {
  return bytesRead === 0 && (bytesWritten === 0 || local === true);
}

/** What is known of a server from its events. */
export class Book {
  readonly totals = new Totals();
  /** By id, the oldest first. */
  readonly open = new Map<string, OpenConnection>();
  /** By name. */
  readonly workers = new Map<string, KnownWorker>();
  /** The newest first. */
  readonly troubles: Trouble[] = [];
  /** The one of each kind of which there may be thousands in a second. */
  readonly #floods = new Map<string, Trouble>();

  /** Takes an event. */
  readonly event: EventSink = (event) => {
    const { totals } = this;
    switch (event.type) {
      case "accepted":
        return this.#accepted(event);
      case "closed":
        return this.#closed(event);
      case "refused":
        totals.refused.add(event.reason, event.count);
        return this.#trouble(event, event.reason);
      case "accept_failed":
        totals.acceptErrors.add(errorKind(event.code), event.count);
        return this.#trouble(event, errorKind(event.code));
      case "worker_started":
        totals.workersStarted++;
        this.workers.set(workerName(event.worker), {
          since: performance.now(),
          forked: event.forked ?? false,
          served: 0,
          stuck: false,
        });
        return;
      case "worker_exited":
        totals.workersExited.add(exitKind(event.reason));
        this.workers.delete(workerName(event.worker));
        if (event.reason !== "exit") this.#trouble(event);
        return;
      case "worker_stuck": {
        const worker = this.workers.get(workerName(event.worker));
        if (worker) worker.stuck = true;
        return this.#trouble(event);
      }
      case "unhandled":
        totals.unhandled++;
        return this.#trouble(event);
      case "reloaded":
        return totals.reloads.add("done");
      case "reload_failed":
        totals.reloads.add("failed");
        return this.#trouble(event);
      case "warning":
        return this.#trouble(event);
    }
  };

  /** Takes what is known of a connection now; of one that has ended, nothing. */
  look(
    id: string,
    doing: ConnectionDoing,
    bytesRead: number,
    bytesWritten: number,
    now: number,
  ): void {
    const open = this.open.get(id);
    if (!open) return;
    open.isTold = true;
    open.doing = doing;
    // What a worker says cannot make a count fall.
    const read = countOf(bytesRead);
    const written = countOf(bytesWritten);
    if (read <= open.bytesRead && written <= open.bytesWritten) return;
    open.bytesRead = Math.max(open.bytesRead, read);
    open.bytesWritten = Math.max(open.bytesWritten, written);
    open.moved = Math.round(now);
  }

  /** Bytes of all connections, those that are open too. */
  bytes(): { readonly read: number; readonly written: number } {
    let [read, written] = [this.totals.bytesRead, this.totals.bytesWritten];
    for (const { bytesRead, bytesWritten } of this.open.values()) {
      read += bytesRead;
      written += bytesWritten;
    }
    return { read, written };
  }

  #accepted({ id, remoteAddr, worker }: Extract<UntimedEvent, { type: "accepted" }>): void {
    if (this.open.has(id)) return;
    this.totals.accepted++;
    // Whole: a number with a fraction is an object of its own, twice for each connection.
    const since = Math.round(performance.now());
    this.open.set(id, {
      id,
      remoteAddr,
      worker,
      since,
      isTold: false,
      bytesRead: 0,
      bytesWritten: 0,
      doing: null,
      moved: since,
    });
    const known = this.workers.get(workerName(worker));
    if (known) known.served++;
  }

  #closed(event: Extract<UntimedEvent, { type: "closed" }>): void {
    const open = this.open.get(event.id);
    if (!open) return;
    this.open.delete(event.id);
    const { totals } = this;
    // A worker that has died could not tell: then what was seen last.
    const bytesRead = Math.max(open.bytesRead, countOf(event.bytesRead));
    const bytesWritten = Math.max(open.bytesWritten, countOf(event.bytesWritten));
    totals.closed++;
    totals.bytesRead += bytesRead;
    totals.bytesWritten += bytesWritten;
    totals.closedBy.add(event.reason);
    totals.durations.add(countOf(event.milliseconds));
    if (isProbe(event)) totals.probes++;
    if (event.reason !== "error") return;
    totals.errors.add(errorKind(event.code));
    if (!hasVanished(event.code)) this.#trouble(event);
  }

  /** @param flood its kind, where of that kind only the last one is kept */
  #trouble(event: UntimedEvent, flood?: string): void {
    const time = Date.now();
    const text = formatEvent({ time, ...event } as Parameters<typeof formatEvent>[0])
      ?.split("\n")[0].slice(0, TROUBLE_LENGTH).replace(/^[!-] /, "");
    if (text === undefined) return;
    const before = flood === undefined ? undefined : this.#floods.get(flood);
    const at = this.troubles.findIndex((each) => each === before || each.text === text);
    if (at >= 0) this.troubles.splice(at, 1);
    const trouble = { time, text };
    if (flood !== undefined) this.#floods.set(flood, trouble);
    this.troubles.unshift(trouble);
    if (this.troubles.length > MOST_TROUBLES) this.troubles.pop();
  }
}
