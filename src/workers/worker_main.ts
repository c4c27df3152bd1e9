/**
 * What every worker does, thread or process: load the handler, then accept,
 * serve, close, until told to leave.
 * @module
 */
import { errorReport } from "../connection/error_report.ts";
import { errorMessage } from "../connection/errors.ts";
import type { UntimedEvent } from "../events.ts";
import { loadHandler, type LoadModule } from "../handler/load_handler.ts";
import { Libc } from "../posix/libc.ts";
import type { Runtime, ThreadScope } from "../runtime.ts";
import { detect } from "../runtimes/detect.ts";
import { Connections } from "../serving/connections.ts";
import type { Channel } from "./channel.ts";
import { lifetime } from "./lifetime.ts";
import { ownSettings, type WorkerSettings } from "./worker_settings.ts";

/** Runs the worker to its end. */
export async function main(load: LoadModule): Promise<void> {
  const runtime = await detect();
  const thread = runtime.threadScope();
  const settings = ownSettings(runtime)!;
  if (!thread) runtime.loseUnread();
  const channel = await openChannel(runtime, thread, settings);

  let connections: Connections | null = null;
  runtime.onUnhandled((error) => {
    const current = connections?.current;
    if (current) current.end("error", error);
    else channel.send({ type: "unhandled", ...errorReport(error) });
  });

  runtime.onWarning((message) =>
    channel.send({ type: "event", event: { type: "warning", message } })
  );
  let loaded;
  try {
    const fresh: LoadModule = (url) => load(runtime.freshUrl(url));
    loaded = await loadHandler(runtime, settings.handler, fresh);
  } catch (error) {
    channel.send({ type: "failed", message: errorMessage(error) });
    return channel.end();
  }

  connections = new Connections({
    settings: settings.serving,
    handler: loaded.handler,
    worker: channel.name,
    number: settings.number,
    limit: channel.each === "one" ? 1 : Infinity,
    lifetime: lifetime(settings.serving.maxConnectionsPerWorker, Math.random()),
    refusals: {
      admit: (remoteAddr) => !settings.asks || channel.ask(remoteAddr),
      leave: () => {}, // the supervisor counts, and hears of `closed`
    },
    onLast: () => channel.send({ type: "leaving" }),
    onPrelude: (what) => channel.send({ type: what === "begins" ? "taken" : "vanished" }),
    onEvent(event: UntimedEvent) {
      // A blocked thread only sees that its socket was shut down from outside.
      const ended = event.type === "closed" && channel.look() === "end";
      channel.send({ type: "event", event: ended ? { ...event, reason: "shutdown" } : event });
    },
  });
  const blocking = loaded.blocking && channel.each === "one";
  const listener = channel.listen(blocking);
  channel.onOrder((order) => {
    listener.close?.();
    if (order !== "leave") connections.shutdown();
    if (order === "end") connections.end("shutdown");
  }, blocking);
  channel.send({ type: "ready" });
  try {
    await connections.accept(listener);
  } catch (error) {
    channel.send({ type: "fatal", message: errorMessage(error) });
  }
  listener.close?.();
  await connections.gone();
  channel.end();
}

/** The way to the supervisor that the settings tell of; no other's file is loaded, to start sooner. */
async function openChannel(
  runtime: Runtime,
  thread: ThreadScope | null,
  { number, link }: WorkerSettings,
): Promise<Channel> {
  switch (link.way) {
    case "thread": {
      const { threadChannel } = await import("./thread_worker.ts");
      return threadChannel(runtime, new Libc(runtime), thread!, { number, link });
    }
    case "process": {
      const { processChannel } = await import("./process_worker.ts");
      return processChannel(runtime, new Libc(runtime), link);
    }
    case "handed over": {
      const { handedOverChannel } = await import("./handed_over_worker.ts");
      return handedOverChannel(runtime, runtime.processScope()!, link);
    }
  }
}
