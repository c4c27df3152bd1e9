/**
 * A server that was started as a command: until it is ready, and until it has ended.
 * @module
 */
import type { Address, TcpAddress } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import type { StartedCommand } from "../runtimes/workbench.ts";

/** Milliseconds that a server may take to end. */
const END = 5000;

/** A server that runs. */
export interface RunningServer {
  readonly address: TcpAddress;
  readonly pid: number;
  /** Where it tells its status, if it does. */
  readonly status: Address | null;
  /** How it ended, if it has. */
  ended(): string | null;
  /** Called when it ends. */
  onEnd(listener: () => void): void;
  /** Ends it and all that it started. */
  stop(): Promise<void>;
}

/**
 * Waits until a server answers `isReady`; if it does not in time, it is ended.
 * @throws {Error} with one line that says why it did not start
 */
export async function untilReady(
  started: StartedCommand,
  milliseconds: number,
  signal: AbortSignal,
  isReady: () => boolean | Promise<boolean>,
): Promise<void> {
  let ended: string | null = null;
  started.ended.then((how) => ended = how);
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (await isReady()) return;
    if (ended !== null) throw new Error(`did not start: ${lastWords(started, ended)}`);
    if (signal.aborted || performance.now() > deadline) break;
    await delay(10);
  }
  await stop(started);
  throw new Error(
    signal.aborted ? "stopped" : `did not start: nobody listens after ${milliseconds / 1000} s`,
  );
}

/** A command that is ready, as a server. */
export function runningServer(
  started: StartedCommand,
  port: number,
  status: Address | null = null,
): RunningServer {
  let how: string | null = null;
  const ended = started.ended.then((words) => {
    how = lastWords(started, words);
  });
  return {
    address: { transport: "tcp", hostname: "127.0.0.1", port },
    pid: started.pid,
    status,
    ended: () => how,
    onEnd: (listener) => void ended.then(listener),
    stop: () => stop(started),
  };
}

async function stop(started: StartedCommand): Promise<void> {
  started.signal("SIGTERM");
  let ended = false;
  const timer = setTimeout(() => !ended && started.signal("SIGKILL"), END);
  await started.ended;
  ended = true;
  clearTimeout(timer);
  started.signal("SIGKILL"); // what it has left behind
}

/** How it ended, and the line of standard error that tells most: the last one that names an error. */
function lastWords(started: StartedCommand, how: string): string {
  const lines = started.stderr().trim().split("\n");
  const line = lines.findLast((text) => /error|cannot/i.test(text)) ?? lines.at(-1) ?? "";
  // deno-lint-ignore no-control-regex -- colours and the like
  const plain = line.replace(/\x1b\[[\d;]*m|[\x00-\x1f\x7f]/g, "").slice(0, 1000);
  return plain === "" ? how : `${how}: ${plain}`;
}
