/**
 * What every worker does, thread or process: load the handler, then accept,
 * serve, close, one connection after the other, until told to leave.
 * @module
 */
import { acceptLoop } from "../serving/accept_loop.ts";
import { errorMessage } from "../connection/errors.ts";
import type { UntimedEvent } from "../events.ts";
import { lifetime } from "../serving/admission.ts";
import { loadHandler, type LoadModule } from "../handler/load_handler.ts";
import type { WorkerSettings } from "./messages.ts";
import { Libc } from "../posix/libc.ts";
import { detect } from "../runtimes/detect.ts";
import { serveConnection, type ServedConnection } from "../serving/serve_connection.ts";
import { handOverChannel, processChannel, threadChannel } from "./worker_channel.ts";

/** Runs the worker to its end. */
export async function main(load: LoadModule): Promise<void> {
  const runtime = await detect();
  const thread = runtime.threadScope();
  const settings: WorkerSettings = thread
    ? thread.data as WorkerSettings
    : JSON.parse(runtime.args.at(-1)!);
  const channel = thread
    ? threadChannel(runtime, new Libc(runtime), thread, settings)
    : settings.listening === undefined
    ? handOverChannel(runtime, runtime.processScope()!, settings)
    : processChannel(runtime, new Libc(runtime), settings);

  const each = settings.shares ? "many" : "one";
  const open = new Set<ServedConnection>();
  runtime.onUnhandled((error) => {
    // With many, nobody knows whose it is.
    const [current] = open;
    if (current && each === "one") current.end("error", error);
    else channel.send({ type: "unhandled", message: errorMessage(error) });
  });

  let loaded;
  try {
    loaded = await loadHandler(settings.handler, load);
  } catch (error) {
    channel.send({ type: "failed", message: errorMessage(error) });
    return channel.end();
  }

  const abort = new AbortController();
  const blocking = loaded.blocking && each === "one";
  const listener = channel.listen(blocking);
  channel.onOrder((order) => {
    listener.close?.();
    if (order !== "leave") abort.abort();
    if (order === "end") { for (const served of open) served.end("shutdown"); }
  }, blocking);
  const onEvent = (event: UntimedEvent) => {
    // A blocked thread only sees that its socket was shut down from outside.
    const ended = event.type === "closed" && channel.look() === "end";
    channel.send({ type: "event", event: ended ? { ...event, reason: "shutdown" } : event });
  };

  const serveSettings = { ...settings, onEvent };
  let count = 0;
  const last = lifetime(settings.maxConnectionsPerWorker, Math.random());
  channel.send({ type: "ready" });
  try {
    await acceptLoop(
      { accept: () => count < last ? listener.accept() : Promise.resolve(null) },
      each === "one" ? 1 : Infinity,
      async (connection) => {
        if (count + 1 === last) channel.send({ type: "leaving" });
        const context = {
          signal: abort.signal,
          id: `${settings.number}.${++count}`,
          model: settings.model,
          worker: channel.name,
        };
        const served = serveConnection(connection, loaded.handler, context, serveSettings);
        open.add(served);
        await served.done;
        open.delete(served);
        listener.left?.();
      },
      (code) => onEvent({ type: "accept_failed", code, count: 1, worker: channel.name }),
    );
  } catch (error) {
    channel.send({ type: "fatal", message: errorMessage(error) });
  }
  listener.close?.();
  await Promise.all([...open].map((served) => served.done));
  channel.end();
}
