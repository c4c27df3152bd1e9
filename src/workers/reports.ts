/**
 * What a worker with an event loop tells of itself, once a second: whoever blocks has
 * a scoreboard for that.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import type { Connections } from "../serving/connections.ts";
import { LoopWatch } from "../status/loop_watch.ts";
import type { Channel } from "./channel.ts";
import type { LoopReport } from "./messages.ts";

/** Milliseconds between two reports. */
const INTERVAL = 1000;
/** Connections in one report; those that changed and have no place are in the next. */
const MOST_CONNECTIONS = 1000;

/** Reports until the worker ends. */
export function report(runtime: Runtime, channel: Channel, connections: Connections): void {
  /** What was said last of each connection. */
  let said = new Map<string, string>();
  const loop = new LoopWatch(runtime, INTERVAL);
  setInterval(() => {
    const { busy, delay } = loop.look();
    if (channel.each === "one" && connections.open === 0) return; // it blocks in `accept`
    const changed: LoopReport["connections"][number][] = [];
    const all = new Map<string, string>();
    connections.look((id, doing, bytesRead, bytesWritten) => {
      const words = `${doing} ${bytesRead} ${bytesWritten}`;
      const before = said.get(id);
      const tells = words !== before && changed.length < MOST_CONNECTIONS;
      if (tells) changed.push([id, doing, bytesRead, bytesWritten]);
      const known = tells ? words : before;
      if (known !== undefined) all.set(id, known);
    });
    said = all;
    channel.send({ type: "report", busy, delay, connections: changed });
  }, INTERVAL);
}
