/**
 * One run of the load generator, from the first connection to the last close.
 * @module
 */
import { isWaiting } from "./load_client.ts";
import type { LoadGenerator } from "./load_generator.ts";
import { type LoadResult, type LoadTask, RELEASE, STOP } from "./load_messages.ts";

/** Milliseconds for the first answers, and for which connections are held at most. */
const LONGEST = 60_000;
/** Milliseconds for what is under way at the end. */
const DRAIN = 2000;

/**
 * Runs the task, and closes what it opened.
 * @param tell called as the next part begins
 * @param processorTime how many milliseconds of it this thread has used
 */
export function runLoad(
  generator: LoadGenerator,
  task: LoadTask,
  tell: (part: "warming" | "measuring" | "measured" | "holding") => void,
  processorTime: () => number,
): LoadResult {
  const { load, warmup, duration } = task;
  const { clients, tally, control, clock } = generator;
  const churning = load === "connect";
  const gone = () => !churning && tally.alive === 0;
  try {
    if (!churning) {
      generator.connectAll();
      // A server that starts a worker for each client has its time to do so.
      generator.runFor(LONGEST, () => gone() || generator.allServed());
    }
    if (load !== "idle") {
      tell("warming");
      generator.begin();
      generator.runFor(warmup, gone);
    }

    for (const client of clients) client.counted = 0;
    tell("measuring");
    generator.measuring = load !== "idle";
    const [startTime, startUsed] = [clock(), processorTime()];
    generator.runFor(duration, gone);
    const milliseconds = clock() - startTime;
    const busy = (processorTime() - startUsed) / milliseconds;
    generator.measuring = false;
    tell("measured");

    generator.draining = true;
    const drains = !churning && load !== "idle";
    generator.runFor(DRAIN, () => !drains || !clients.some(isWaiting));
    if (drains && Atomics.load(control, STOP) === 0) countMissing(generator);
    tell("holding");
    generator.runFor(LONGEST, () => Atomics.load(control, RELEASE) !== 0);
    return result(generator, task, milliseconds, busy);
  } finally {
    generator.close();
  }
}

/** What has not come back by now does not come. */
function countMissing({ clients, tally }: LoadGenerator): void {
  const missing = clients.filter((client) => isWaiting(client) && client.counted > 0);
  if (missing.length > 0) tally.failures["an answer did not come"] = missing.length;
}

function result(
  { clients, tally }: LoadGenerator,
  { load, connections }: LoadTask,
  milliseconds: number,
  busy: number,
): LoadResult {
  const counted = clients.map((client) => client.counted);
  const { connected, answered, bytes, wrong, firstWrong, failures } = tally;
  const idle = load === "idle";
  return {
    milliseconds,
    busy,
    connected,
    answered,
    count: idle ? answered : tally.count,
    bytes,
    latency: tally.latency.data(),
    fewest: counted.reduce((a, b) => Math.min(a, b)),
    most: counted.reduce((a, b) => Math.max(a, b)),
    unserved: idle
      ? connections - answered
      : load === "connect"
      ? 0
      : counted.filter((n) => n === 0).length,
    wrong,
    firstWrong,
    failures,
  };
}
