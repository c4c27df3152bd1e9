/**
 * The servers that are compared: Trivet's models on each runtime, and peers that
 * were given as commands.
 * @module
 */
import { moduleBeside } from "../module_beside.ts";
import type { TcpAddress } from "../connection/connection.ts";
import { delay } from "../connection/delay.ts";
import { WORKER_DESCRIPTORS } from "../server/entrance.ts";
import { MODELS } from "../server/models.ts";
import type { ModelName } from "../handler/handler.ts";
import type { Runtime } from "../runtime.ts";
import { startCommand, type StartedCommand } from "../runtimes/workbench.ts";
import { SPARE_DESCRIPTORS } from "../serving/admission.ts";

/** Milliseconds that a server may take to start, and to end. */
const START = 30_000;
const PEER_START = 15_000;
const END = 5000;

/** A server that runs. */
export interface RunningServer {
  readonly address: TcpAddress;
  readonly pid: number;
  /** How it ended, if it has. */
  ended(): string | null;
  /** Called when it ends. */
  onEnd(listener: () => void): void;
  /** Ends it and all that it started. */
  stop(): Promise<void>;
}

/** A server that can be started. */
export interface Contestant {
  readonly name: string;
  /** How many connections it holds at once; more are not opened. */
  readonly capacity: number;
  /** Whether it is one of Trivet's, which can be given a handler. */
  readonly isOurs: boolean;
  /** Starts it. @throws {Error} with one line that says why it did not start */
  start(handler: string | null, signal: AbortSignal): Promise<RunningServer>;
}

const CLI = moduleBeside("../../cli", import.meta.url);

/** A model on a runtime: `command` runs a script on it. */
export function modelContestant(
  runtime: Runtime,
  name: string,
  model: ModelName,
  command: readonly string[],
): Contestant {
  const script = CLI.protocol === "file:" ? decodeURIComponent(CLI.pathname) : CLI.href;
  const room = (runtime.descriptorLimit() ?? Infinity) - SPARE_DESCRIPTORS;
  const workers = MODELS[model].where === "main" ? 1 : WORKER_DESCRIPTORS;
  return {
    name,
    capacity: Math.max(1, Math.min(MODELS[model].maxConnections, Math.floor(room / workers))),
    isOurs: true,
    async start(handler, signal) {
      const serve = ["serve", "--model", model, "--port", "0", "--log", "none"];
      const started = startCommand([
        ...command,
        script,
        ...serve,
        ...(handler === null ? [] : ["--handler", handler]),
      ]);
      const port = () => /^listening on .*:(\d+)\n/m.exec(started.stdout())?.[1];
      await ready(started, START, signal, () => port() !== undefined);
      return running(started, Number(port()));
    },
  };
}

/** A command that starts a server; `{port}` stands for a port that is free. */
export function peerContestant(
  runtime: Runtime,
  name: string,
  command: string,
  freePort: () => Promise<number>,
): Contestant {
  return {
    name,
    capacity: Infinity,
    isOurs: false,
    async start(_handler, signal) {
      const port = await freePort();
      const started = startCommand(shell(command.replaceAll("{port}", `${port}`)));
      await ready(started, PEER_START, signal, async () => {
        try {
          (await runtime.connect({ transport: "tcp", hostname: "127.0.0.1", port })).close();
          return true;
        } catch {
          return false; // not yet
        }
      });
      return running(started, port);
    },
  };
}

/** Runs a command in a shell, which leaves its place to a single program. */
function shell(command: string): string[] {
  const single = /^[\w./~-]+\s[^;&|<>()`]*$/.test(command);
  return ["sh", "-c", single ? `exec ${command}` : command];
}

async function ready(
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

function running(started: StartedCommand, port: number): RunningServer {
  let how: string | null = null;
  const ended = started.ended.then((words) => {
    how = lastWords(started, words);
  });
  return {
    address: { transport: "tcp", hostname: "127.0.0.1", port },
    pid: started.pid,
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
  const plain = line.replace(/\x1b\[[\d;]*m|[\x00-\x1f\x7f]/g, "").slice(0, 160);
  return plain === "" ? how : `${how}: ${plain}`;
}
