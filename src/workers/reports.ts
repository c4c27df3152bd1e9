/**
 * What a worker with an event loop tells of itself, once a second: whoever blocks has
 * a scoreboard for that.
 * @module
 */
import { EpollLoop } from "../posix/epoll_loop.ts";
import type { Runtime } from "../runtime.ts";
import type { Connections } from "../serving/connections.ts";
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
  let idle = EpollLoop.idleOf(runtime);
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    const waited = EpollLoop.idleOf(runtime);
    const delay = Math.max(0, now - last - INTERVAL);
    const busy = idle === null || waited === null
      ? null
      : Math.min(1, Math.max(0, 1 - (waited - idle) / (now - last)));
    [last, idle] = [now, waited];
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
