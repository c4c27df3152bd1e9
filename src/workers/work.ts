/**
 * A worker's work, once its handler has loaded: start it, accept, serve, close, until it is
 * told to leave.
 * @module
 */
import { errorMessage, SystemError } from "../connection/errors.ts";
import type { UntimedEvent } from "../events.ts";
import type { HandlerParts } from "../handler/handler_module.ts";
import { Lifecycle } from "../handler/lifecycle.ts";
import type { Prelude } from "../serving/prelude.ts";
import { Connections } from "../serving/connections.ts";
import { spreadingOf } from "../serving/spread.ts";
import type { Runtime } from "../runtime.ts";
import { type ClientNews, ringBytes } from "../status/event_ring.ts";
import { ScoreRow } from "../status/scoreboard.ts";
import { atEnd } from "./at_end.ts";
import type { Channel } from "./channel.ts";
import { lifetime } from "./lifetime.ts";
import type { Message } from "./messages.ts";
import type { WorkerSettings } from "./worker_settings.ts";

/** What is wrong with a handler that breaks the promise of `blocking` in a fork. */
const GAVE_UP = "The handler exports `blocking`, and waits for something else than its " +
  "connection: take that export out of its module";

/** What a worker is to do. */
export interface Work {
  readonly runtime: Runtime;
  readonly channel: Channel;
  readonly settings: Pick<WorkerSettings, "handler" | "asks" | "serving" | "reports">;
  /** The worker's number. */
  readonly number: number;
  /** The handler, and what is called before and after it. */
  readonly loaded: Pick<HandlerParts, "handler" | "start" | "stop">;
  /** By place, what happens before the handler. */
  readonly preludes: readonly (readonly Prelude[])[];
  /** Whether the handler may block here: not with TLS, nor with many clients. */
  readonly blocking: boolean;
  /** See the message `ready`. */
  readonly how?: "forked" | "stopgap";
  /** Where it tells of its clients and, if it blocks, shows what it does; null: nowhere. */
  readonly scores?: ArrayBufferLike | null;
  /** Gets its connections, before the first one comes: each fork would compile a callback. */
  readonly out?: { connections: Connections | null };
}

/** Starts the handler, works, and then ends the worker. */
export async function work(
  {
    runtime,
    channel,
    settings,
    number,
    loaded,
    preludes,
    blocking,
    how,
    scores,
    out,
  }: Work,
): Promise<void> {
  const place = { model: settings.serving.model, worker: channel.name };
  const lifecycle = new Lifecycle(settings.handler, loaded, place);
  try {
    await lifecycle.start();
  } catch (error) {
    channel.send({ type: "failed", message: errorMessage(error) });
    return channel.end();
  }
  const shows = settings.reports && blocking;
  const row = scores ? ScoreRow.claim(scores, number, shows, ringBytes(channel.each)) : null;
  const shown = shows ? row : null;
  // What clients send goes by messages, and other events with it, in their order.
  const ring = settings.serving.messages ? null : row;
  let nth = 0;
  const send = (message: Message) => channel.send(ring ? { ...message, nth: ++nth } : message);
  const tell = (what: ClientNews) => {
    if (!ring?.tell(nth + 1, what)) {
      const isEvent = what.type !== "taken" && what.type !== "vanished";
      return send(isEvent ? { type: "event", event: what } : what);
    }
    nth++;
    if (ring.wantsTelling) channel.send({ type: "look" });
  };
  const connections = new Connections({
    runtime,
    settings: settings.serving,
    handler: loaded.handler,
    worker: channel.name,
    number,
    limit: channel.each === "one" ? 1 : Infinity,
    lifetime: lifetime(settings.serving.maxConnectionsPerWorker, Math.random()),
    refusals: {
      admit: (remoteAddr) => !settings.asks || channel.ask(remoteAddr),
      leave: () => {}, // where anybody counts, the supervisor does, and hears of `closed`
    },
    admitLater: settings.asks && channel.askLater
      ? (remoteAddr) => channel.askLater!(remoteAddr)
      : undefined,
    onLast: () => channel.send({ type: "leaving" }),
    onPrelude: (what) => tell({ type: what === "begins" ? "taken" : "vanished" }),
    onEvent(event: UntimedEvent) {
      if (event.type === "accepted") shown?.begin();
      // A blocked thread only sees that its socket was shut down from outside.
      const ended = event.type === "closed" && channel.name.kind === "thread" &&
        channel.look() === "end";
      tell(ended ? { ...event, reason: "shutdown" } : event);
    },
  }, preludes);
  if (out) out.connections = connections;
  const end = async () => {
    const message = await lifecycle.stop(settings.serving.shutdownTimeout);
    if (message) channel.send({ type: "event", event: { type: "warning", message } });
    for (const giveBack of atEnd) await giveBack();
    channel.end();
  };
  const listener = channel.listen(blocking, shown?.activity);
  // One that is handed its connections never blocks, whatever its handler may.
  if (settings.reports && shown === null) {
    const { report } = await import("./reports.ts");
    report(runtime, channel, connections);
  }
  channel.onOrder((order) => {
    listener.close?.();
    // Of those that have one each, the supervisor tells each when.
    const many = channel.each === "many";
    if (order !== "leave") {
      connections.shutdown(many ? spreadingOf(settings.serving, Math.random()) : null);
    }
    if (order === "end") connections.end("shutdown");
  }, blocking);
  channel.onGiveUp?.(async () => {
    listener.close?.();
    connections.current?.end("error", new SystemError("ENOTSUP", GAVE_UP));
    await connections.gone();
    channel.send({ type: "gave up" });
    await end();
  });
  send({ type: "ready", how });
  try {
    await connections.accept(listener);
  } catch (error) {
    channel.send({ type: "fatal", message: errorMessage(error) });
  }
  listener.close?.();
  await connections.gone();
  await end();
}
