/**
 * What a worker with an event loop tells of itself, once a second: whoever blocks has
 * a scoreboard for that.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import type { Connections } from "../serving/connections.ts";
import { type LoopView, LoopWatch } from "../status/loop_watch.ts";
import type { Channel } from "./channel.ts";
import type { LoopReport } from "./messages.ts";

/** Milliseconds between two reports. */
const INTERVAL = 1000;
/** Connections in one report; those that changed and have no place are in the next. */
const MOST_CONNECTIONS = 1000;

/** Reports until the worker ends. */
export function report(runtime: Runtime, channel: Channel, connections: Connections): void {
  const reporter = new Reporter(channel.each);
  const loop = new LoopWatch(runtime, INTERVAL);
  setInterval(() => {
    const said = reporter.next(loop.look(), connections);
    if (said) channel.send({ type: "report", ...said });
  }, INTERVAL);
}

/** Decides what is said. */
export class Reporter {
  readonly #each: Channel["each"];
  /** Whether the thread blocked in `accept` since the last look, and its loop was late by that. */
  #blocked: boolean;
  /** What was said last of each connection. */
  #said = new Map<string, string>();
  /** How many connections of the list had their turn in the last report, when it was full. */
  #from = 0;

  /** @param each how many connections the worker has at once */
  constructor(each: Channel["each"]) {
    this.#each = each;
    this.#blocked = each === "one";
  }

  /** The next report; null if there is none to make. */
  next(loop: LoopView, connections: Pick<Connections, "open" | "look">): LoopReport | null {
    const wasBlocked = this.#blocked;
    this.#blocked = this.#each === "one" && connections.open === 0;
    if (this.#blocked) return null;
    const { busy, delay } = wasBlocked ? { busy: null, delay: 0 } : loop;
    return { busy, delay, connections: this.#changed(connections) };
  }

  #changed(connections: Pick<Connections, "look">): LoopReport["connections"] {
    const changed: LoopReport["connections"][number][] = [];
    const all = new Map<string, string>();
    let at = 0;
    let full = 0;
    connections.look((id, doing, bytesRead, bytesWritten) => {
      const words = `${doing} ${bytesRead} ${bytesWritten}`;
      const before = this.#said.get(id);
      const wants = words !== before && at >= this.#from;
      const tells = wants && changed.length < MOST_CONNECTIONS;
      if (tells) changed.push([id, doing, bytesRead, bytesWritten]);
      else if (wants && full === 0) full = at;
      const known = tells ? words : before;
      if (known !== undefined) all.set(id, known);
      at++;
    });
    this.#said = all;
    this.#from = full;
    return changed;
  }
}
