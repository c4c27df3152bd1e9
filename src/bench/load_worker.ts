/**
 * Where the load generator's thread begins: it runs one task after the other.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import { openClock } from "../posix/clock.ts";
import { Epoll } from "../posix/epoll.ts";
import { Libc } from "../posix/libc.ts";
import { detect } from "../runtimes/detect.ts";
import { readText } from "../runtimes/workbench.ts";
import { LoadGenerator } from "./load_generator.ts";
import type { LoadMessage, LoadTask } from "./load_messages.ts";
import { runLoad } from "./load_run.ts";

const runtime = await detect();
const scope = runtime.threadScope()!;
const libc = new Libc(runtime);
const clock = openClock(runtime);
const tell = (message: LoadMessage) => scope.postMessage(message);

/** Nanoseconds on a processor come first, see proc(5). */
function processorTime(): number {
  return Number(readText("/proc/thread-self/schedstat")?.split(" ")[0] ?? 0) / 1e6;
}

scope.onMessage((message) => {
  if (message === null) return runtime.endThread();
  let epoll: Epoll | null = null;
  try {
    epoll = new Epoll(runtime);
    const task = message as LoadTask;
    const generator = new LoadGenerator(libc, epoll, clock, task);
    const result = runLoad(generator, task, (type) => tell({ type }), processorTime);
    tell({ type: "result", result });
  } catch (error) {
    tell({ type: "failed", error: errorMessage(error) });
  } finally {
    epoll?.close();
  }
});
tell({ type: "ready" });
