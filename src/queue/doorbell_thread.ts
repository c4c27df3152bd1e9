/**
 * The thread of a doorbell: waits until somebody is in the queue, tells, and
 * rests until it is asked again. See doorbell.ts.
 * @module
 */
import { Libc } from "../posix/libc.ts";
import { detect } from "../runtimes/detect.ts";
import { BELL_ENDS, BELL_RESTS, BELL_WATCHES, type BellData } from "./doorbell.ts";

/** Milliseconds between two looks at whether it shall end. */
const LOOK = 1000;

const runtime = await detect();
const scope = runtime.threadScope()!;
const { listening, word } = scope.data as BellData;
const libc = new Libc(runtime);
const view = new Int32Array(word);
while (Atomics.load(view, 0) !== BELL_ENDS) {
  Atomics.wait(view, 0, BELL_RESTS);
  if (Atomics.load(view, 0) !== BELL_WATCHES || !libc.waitReadable(listening, LOOK)) continue;
  if (Atomics.compareExchange(view, 0, BELL_WATCHES, BELL_RESTS) === BELL_WATCHES) {
    scope.postMessage("ring");
  }
}
runtime.endThread();
