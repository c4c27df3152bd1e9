/**
 * What every worker does, thread or process: load the handler, then accept,
 * serve, close, until told to leave.
 * @module
 */
import { errorReport } from "../connection/error_report.ts";
import { errorMessage } from "../connection/errors.ts";
import { demandModel } from "../handler/handler_module.ts";
import { loadHandler, type LoadModule } from "../handler/load_handler.ts";
import { Libc } from "../posix/libc.ts";
import type { Runtime, ThreadScope } from "../runtime.ts";
import { detect } from "../runtimes/detect.ts";
import { preludesFor } from "../serving/before_handler.ts";
import { isEncrypted } from "../serving/serving_settings.ts";
import type { Channel } from "./channel.ts";
import type { Message } from "./messages.ts";
import { installOwnRandom } from "./own_random.ts";
import { Work } from "./work.ts";
import { ownSettings, type WorkerSettings } from "./worker_settings.ts";

/** Runs the worker to its end. */
export async function main(load: LoadModule): Promise<void> {
  const runtime = await detect();
  const thread = runtime.threadScope();
  const settings = ownSettings(runtime)!;
  if (!thread) runtime.loseUnread();
  const channel = await openChannel(runtime, thread, settings);
  const scores = await scoresOf(runtime, settings);
  const forks = settings.link.way === "process" ? settings.link.forks : "never";
  const libc = forks === "never" ? null : new Libc(runtime);
  const random = libc && installOwnRandom((bytes) => libc.randomize(bytes));

  let work: Work | null = null;
  const send = (message: Message) => (work?.isRunning ? work.channel : channel).send(message);
  runtime.onUnhandled((error) => {
    const current = work?.current;
    if (current) current.end("error", error);
    else send({ type: "unhandled", ...errorReport(error) });
  });

  runtime.onWarning((message) => send({ type: "event", event: { type: "warning", message } }));
  let loaded;
  try {
    const fresh: LoadModule = (url) => load(runtime.freshUrl(url));
    loaded = await loadHandler(runtime, settings.handler, fresh);
    const { model } = settings.serving;
    demandModel(settings.handler, loaded.models, model, channel.each === "many");
  } catch (error) {
    channel.send({ type: "failed", message: errorMessage(error) });
    return channel.end();
  }
  // Before it forks, because what a fork loads it shares with no other.
  const makePreludes = await preludesFor(runtime, settings.serving);
  const preludes = makePreludes(settings.serving);
  // No engine of TLS blocks.
  const blocking = loaded.blocking && channel.each === "one" && !isEncrypted(settings.serving);
  const prepare = (channel: Channel, how?: "forked" | "stopgap") =>
    work = new Work({ runtime, channel, settings, loaded, preludes, blocking, how, scores });
  const { number, link } = settings;
  if (random && blocking && link.way === "process") {
    const { becomeTemplate } = await import("./template_process.ts");
    const parts = { runtime, libc, random, sockets: link.sockets };
    try {
      await becomeTemplate(parts, channel, settings, (its) => prepare(its, "forked"));
    } catch {
      // It cannot be forked: it serves as it is, which is slower and no error.
    }
  }
  random?.remove();
  if (forks === "only") return channel.end();
  await prepare(channel, libc ? "stopgap" : undefined).run(number);
}

/** The memory where it tells of its clients, and what it does; null without it. */
async function scoresOf(
  runtime: Runtime,
  { link }: WorkerSettings,
): Promise<ArrayBufferLike | null> {
  if (link.way === "thread") return link.scores;
  if (link.way !== "process" || link.scores === null) return null;
  const { mapMemory } = await import("../posix/mapped_memory.ts");
  try {
    return mapMemory(runtime, link.scores.descriptor, link.scores.size);
  } catch {
    return null; // it serves all the same
  }
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
