/**
 * A worker's work, once its handler has loaded: start it, accept, serve, close, until it is
 * told to leave.
 * @module
 */
import { loopTurn } from "../connection/delay.ts";
import { errorMessage, SystemError } from "../connection/errors.ts";
import type { UntimedEvent } from "../events.ts";
import type { HandlerParts } from "../handler/handler_module.ts";
import { Lifecycle } from "../handler/lifecycle.ts";
import type { Prelude } from "../serving/prelude.ts";
import { Connections } from "../serving/connections.ts";
import type { ServedConnection } from "../serving/serve_connection.ts";
import { spreadingOf } from "../serving/spread.ts";
import type { Runtime } from "../runtime.ts";
import { type ClientNews, ringBytes } from "../status/event_ring.ts";
import { ScoreRow } from "../status/scoreboard.ts";
import { atEnd } from "./at_end.ts";
import type { Channel, WorkerListener } from "./channel.ts";
import { lifetime } from "./lifetime.ts";
import type { Message, Order } from "./messages.ts";
import type { CommonSettings } from "./worker_settings.ts";

/** What is wrong with a handler that breaks the promise of `blocking` in a fork. */
const GAVE_UP = "The handler exports `blocking`, and waits for something else than its " +
  "connection: take that export out of its module";

/** What a worker is to do. */
export interface WorkOptions {
  readonly runtime: Runtime;
  readonly channel: Channel;
  readonly settings: CommonSettings;
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
}

/** A worker's work. What a fork need not make for itself is made with it, or by `listen`. */
export class Work {
  readonly channel: Channel;
  /** Whether it is this thread's or process's, and no longer that of forks to come. */
  isRunning = false;
  readonly #options: WorkOptions;
  readonly #lifecycle: Lifecycle;
  readonly #connections: Connections;
  #listener: WorkerListener | null = null;
  readonly #row: ScoreRow | null;
  /** Its row, where it shows there what it does. */
  #shown: ScoreRow | null = null;
  /** Its row, where it tells there of its clients. */
  #ring: ScoreRow | null = null;
  /** How much it has told. */
  #nth = 0;

  constructor(options: WorkOptions) {
    const { runtime, channel, settings, loaded, preludes, scores } = options;
    this.#options = options;
    this.channel = channel;
    const place = { model: settings.serving.model, worker: channel.name };
    this.#row = scores ? new ScoreRow(scores, ringBytes(channel.each)) : null;
    this.#lifecycle = new Lifecycle(settings.handler, loaded, place);
    this.#connections = new Connections({
      runtime,
      settings: settings.serving,
      handler: loaded.handler,
      worker: channel.name,
      limit: channel.each === "one" ? 1 : Infinity,
      refusals: {
        admit: (remoteAddr) => !settings.asks || channel.ask(remoteAddr),
        leave: () => {}, // where anybody counts, the supervisor does, and hears of `closed`
      },
      admitLater: settings.asks && channel.askLater
        ? (remoteAddr) => channel.askLater!(remoteAddr)
        : undefined,
      onLast: () => channel.send({ type: "leaving" }),
      onPrelude: (what) => this.#tell({ type: what === "begins" ? "taken" : "vanished" }),
      onEvent: (event) => this.#onEvent(event),
    }, preludes);
  }

  /** Opens what gives it clients: before it is forked, or else in `run`. */
  listen(): WorkerListener {
    const { channel, blocking } = this.#options;
    this.#listener = channel.listen(blocking, this.#row?.activity);
    channel.onOrder((order) => this.#obey(order), blocking);
    channel.onGiveUp?.(() => void this.#giveUp());
    return this.#listener;
  }

  /** The connection that the handler has; null if there is none, or if the worker holds several. */
  get current(): ServedConnection | null {
    return this.#connections.current;
  }

  /**
   * Starts the handler, works, and then ends the worker.
   * @param number the worker's
   */
  async run(number: number): Promise<void> {
    const { runtime, channel, settings, blocking, how } = this.#options;
    this.isRunning = true;
    const starting = this.#lifecycle.start();
    try {
      if (starting) await starting;
    } catch (error) {
      channel.send({ type: "failed", message: errorMessage(error) });
      return channel.end();
    }
    const shows = settings.reports && blocking;
    const row = this.#row?.claim(number, shows) ? this.#row : null;
    this.#shown = shows ? row : null;
    // What clients send goes by messages, and other events with it, in their order.
    this.#ring = settings.serving.messages ? null : row;
    const listener = this.#listener ?? this.listen();
    // One that is handed its connections never blocks, whatever its handler may.
    if (settings.reports && this.#shown === null) {
      const { report } = await import("./reports.ts");
      report(runtime, channel, this.#connections);
    }
    const connections = lifetime(settings.serving.maxConnectionsPerWorker, Math.random());
    this.#send({ type: "ready", how });
    // What the module and `start` have begun gets its turn; a fork's template has had the module's.
    if (how !== "forked" || starting) await loopTurn();
    try {
      await this.#connections.accept(listener, number, connections);
    } catch (error) {
      channel.send({ type: "fatal", message: errorMessage(error) });
    }
    listener.close?.();
    await this.#connections.gone();
    await this.#end();
  }

  #obey(order: Order): void {
    const { channel, settings } = this.#options;
    this.#listener?.close?.();
    // Of those that have one each, the supervisor tells each when.
    const many = channel.each === "many";
    if (order !== "leave") {
      this.#connections.shutdown(many ? spreadingOf(settings.serving, Math.random()) : null);
    }
    if (order === "end") this.#connections.end("shutdown");
  }

  async #giveUp(): Promise<void> {
    this.#listener?.close?.();
    this.#connections.current?.end("error", new SystemError("ENOTSUP", GAVE_UP));
    await this.#connections.gone();
    this.#options.channel.send({ type: "gave up" });
    await this.#end();
  }

  async #end(): Promise<void> {
    const { channel, settings } = this.#options;
    const message = await this.#lifecycle.stop(settings.serving.shutdownTimeout);
    if (message) channel.send({ type: "event", event: { type: "warning", message } });
    for (const giveBack of atEnd) await giveBack();
    channel.end();
  }

  #onEvent(event: UntimedEvent): void {
    const { channel } = this.#options;
    if (event.type === "accepted") this.#shown?.begin();
    // A blocked thread only sees that its socket was shut down from outside.
    const ended = event.type === "closed" && channel.name.kind === "thread" &&
      channel.look() === "end";
    this.#tell(ended ? { ...event, reason: "shutdown" } : event);
  }

  #tell(what: ClientNews): void {
    if (!this.#ring?.tell(this.#nth + 1, what)) {
      const isEvent = what.type !== "taken" && what.type !== "vanished";
      return this.#send(isEvent ? { type: "event", event: what } : what);
    }
    this.#nth++;
    if (this.#ring.wantsTelling) this.#options.channel.send({ type: "look" });
  }

  #send(message: Message): void {
    this.#options.channel.send(this.#ring ? { ...message, nth: ++this.#nth } : message);
  }
}
