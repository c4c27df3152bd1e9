/**
 * The servers that are compared: Trivet's models on each runtime, and peers that
 * were given as commands.
 * @module
 */
import type { ModelName } from "../handler/handler.ts";
import { moduleBeside } from "../module_beside.ts";
import type { Runtime } from "../runtime.ts";
import { startCommand, temporaryPath } from "../runtimes/workbench.ts";
import { MODELS } from "../server/models.ts";
import { WORKER_DESCRIPTORS } from "../server/shared_entrance.ts";
import { SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { type RunningServer, runningServer, untilReady } from "./running_server.ts";

/** Milliseconds that a server may take to start. */
const START = 30_000;
const PEER_START = 15_000;

/** A server that can be started. */
export interface Contestant {
  readonly name: string;
  /** How many connections it holds at once; more are not opened. */
  readonly capacity: number;
  /** Whether it is one of Trivet's, which can be given a handler. */
  readonly isOurs: boolean;
  /** Whether it has a worker for each connection. */
  readonly hasWorkers: boolean;
  /** Starts it. @throws {Error} with one line that says why it did not start */
  start(handler: string | null, signal: AbortSignal): Promise<RunningServer>;
}

const CLI = moduleBeside("../../cli", import.meta.url);

/** How many servers have told their status so far. */
let told = 0;

/**
 * A model on a runtime.
 * @param command runs a script on it
 * @param tells whether the server tells its status
 */
export function modelContestant(
  runtime: Runtime,
  name: string,
  model: ModelName,
  command: readonly string[],
  tells: boolean,
): Contestant {
  const script = CLI.protocol === "file:" ? decodeURIComponent(CLI.pathname) : CLI.href;
  const room = (runtime.descriptorLimit() ?? Infinity) - SPARE_DESCRIPTORS;
  const workers = MODELS[model].where === "main" ? 1 : WORKER_DESCRIPTORS;
  return {
    name,
    capacity: Math.max(1, Math.min(MODELS[model].maxConnections, Math.floor(room / workers))),
    isOurs: true,
    hasWorkers: MODELS[model].where !== "main",
    async start(handler, signal) {
      const serve = ["serve", "--model", model, "--port", "0", "--log", "none"];
      const path = tells ? temporaryPath(`trivet-${runtime.pid}-${++told}.status`) : null;
      const started = startCommand([
        ...command,
        script,
        ...serve,
        ...(handler === null ? [] : ["--handler", handler]),
        ...(path === null ? [] : ["--status", `unix:${path}`]),
      ]);
      const port = () => /^listening on .*:(\d+)\n/m.exec(started.stdout())?.[1];
      await untilReady(started, START, signal, () => port() !== undefined);
      return runningServer(
        started,
        Number(port()),
        path === null ? null : { transport: "unix", path },
      );
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
    hasWorkers: false,
    async start(_handler, signal) {
      const port = await freePort();
      const started = startCommand(shell(command.replaceAll("{port}", `${port}`)));
      await untilReady(started, PEER_START, signal, async () => {
        try {
          (await runtime.connect({ transport: "tcp", hostname: "127.0.0.1", port })).close();
          return true;
        } catch {
          return false; // not yet
        }
      });
      return runningServer(started, port);
    },
  };
}

/** Runs a command in a shell, which leaves its place to a single program. */
function shell(command: string): string[] {
  const single = /^[\w./~-]+\s[^;&|<>()`]*$/.test(command);
  return ["sh", "-c", single ? `exec ${command}` : command];
}
