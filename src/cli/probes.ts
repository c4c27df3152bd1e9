/**
 * Connections on which no byte moves, such as probes of a load balancer: two lines for
 * each of them would be most of many a log, so they are counted.
 * @module
 */
import type { ServerEvent } from "../events.ts";
import { isProbe } from "../status/book.ts";

/** Milliseconds that a newcomer's line waits: a probe has gone by then, and nobody sees the delay. */
const HOLD = 100;
/** Milliseconds between two lines that tell how many there were. */
const INTERVAL = 60_000;

type Of<T extends ServerEvent["type"]> = Extract<ServerEvent, { type: T }>;

/** Between the server's events and the log. */
export class Probes {
  readonly #log: (event: ServerEvent) => void;
  readonly #tell: (count: number) => void;
  /** Those whose line waits, the oldest first. */
  readonly #held = new Map<string, { readonly event: Of<"accepted">; readonly at: number }>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #count = 0;
  #window: ReturnType<typeof setTimeout> | null = null;

  /**
   * @param log takes the events that are no probe's
   * @param tell told how many there were: the first at once, then once a minute
   */
  constructor(log: (event: ServerEvent) => void, tell: (count: number) => void) {
    this.#log = log;
    this.#tell = tell;
  }

  /** Takes an event. */
  event(event: ServerEvent): void {
    if (event.type === "accepted") {
      this.#held.set(event.id, { event, at: performance.now() });
      this.#timer ??= setTimeout(this.#release, HOLD);
      return;
    }
    if (event.type === "closed") {
      const held = this.#held.get(event.id);
      this.#held.delete(event.id);
      if (held && isQuiet(event)) return this.#found();
      if (held) this.#log(held.event);
    } else if (event.type === "message") {
      const held = this.#held.get(event.id);
      this.#held.delete(event.id);
      if (held) this.#log(held.event);
    } else this.#releaseUntil(Infinity);
    this.#log(event);
  }

  /** Logs what waits, and leaves no timer behind. */
  flush(): void {
    this.#releaseUntil(Infinity);
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#window !== null) clearTimeout(this.#window);
    if (this.#count > 0) this.#tell(this.#count);
    this.#timer = this.#window = null;
    this.#count = 0;
  }

  readonly #release = (): void => {
    this.#timer = null;
    const now = performance.now();
    this.#releaseUntil(now - HOLD);
    const [next] = this.#held.values();
    if (next) this.#timer = setTimeout(this.#release, Math.max(1, next.at + HOLD - now));
  };

  #releaseUntil(at: number): void {
    for (const [id, held] of this.#held) {
      if (held.at > at) return;
      this.#held.delete(id);
      this.#log(held.event);
    }
  }

  #found(): void {
    if (this.#window !== null) return void this.#count++;
    this.#tell(1);
    const next = () => {
      this.#window = null;
      if (this.#count === 0) return;
      this.#tell(this.#count);
      this.#count = 0;
      this.#window = setTimeout(next, INTERVAL);
    };
    this.#window = setTimeout(next, INTERVAL);
  }
}

/** What is said of so many. */
export function probesLine(count: number): string {
  const connections = count === 1 ? "a connection" : `${count} connections`;
  return `· ${connections} without a byte, as probes make; counted once a minute, --verbose shows each`;
}

/** Whether it was a probe, and nothing went wrong in the handler. */
function isQuiet(event: Of<"closed">): boolean {
  const { stack, reason } = event;
  return isProbe(event) && stack === undefined && (reason === "handler" || reason === "error");
}
