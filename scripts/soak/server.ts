/**
 * The server of a soak: started, its log read as it comes, and what it and
 * all that it started hold, from /proc.
 * @module
 */
import type { ServerEvent } from "../../mod.ts";
import { descendants } from "../../tests/command.ts";

/** What a server holds. */
export interface Held {
  readonly processes: number;
  readonly threads: number;
  readonly descriptors: number;
  /** KiB that the main process has for itself. */
  readonly main: number;
  /** KiB that a worker process has for itself, at the mean; 0 without worker processes. */
  readonly worker: number;
}

const CLI = new URL("../../cli.ts", import.meta.url).pathname;

/** A server that runs, and tells what happens in it. */
export class Server {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  /** Resolves with its port when it is ready. */
  readonly port: Promise<number>;
  /** Resolves when its whole log is read. */
  readonly read: Promise<void>;
  /** Its worker processes that are ready, by their ids. */
  readonly workers = new Set<number>();

  /**
   * @param program the runtime and its arguments
   * @param onEvent told of each event of the log
   * @param onLine told of each line that is no event
   */
  constructor(
    program: readonly [string, ...string[]],
    args: readonly string[],
    onEvent: (event: ServerEvent) => void,
    onLine: (line: string) => void,
  ) {
    const child = new Deno.Command(program[0], {
      args: [...program.slice(1), CLI, "serve", "--port", "0", "--log", "json", ...args],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = child.pid;
    this.status = child.status;
    const port = Promise.withResolvers<number>();
    this.port = port.promise;
    const ready = eachLine(child.stdout, (line) => port.resolve(Number(line.split(":").at(-1))));
    this.read = eachLine(child.stderr, (line) => {
      if (!line.startsWith("{")) return onLine(line);
      const event = JSON.parse(line) as ServerEvent;
      if (event.type === "worker_started" && event.worker.kind === "process") {
        this.workers.add(event.worker.id);
      }
      if (event.type === "worker_exited") this.workers.delete(event.worker.id);
      onEvent(event);
    });
    ready.then(() => port.reject(new Error("the server ended before it was ready")));
    port.promise.catch(() => {}); // whoever waits for it is told
  }

  /** What it holds now. */
  held(): Held {
    const workers = descendants(this.pid);
    let [threads, descriptors, workersMemory] = [0, 0, 0];
    const main = memory(this.pid);
    for (const pid of [this.pid, ...workers]) {
      threads += entries(`/proc/${pid}/task`);
      descriptors += entries(`/proc/${pid}/fd`);
      if (pid !== this.pid) workersMemory += memory(pid);
    }
    return {
      processes: workers.length + 1,
      threads,
      descriptors,
      main,
      worker: Math.round(workersMemory / (workers.length || 1)),
    };
  }
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void) {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
  if (rest) take(rest);
}

/** How many names a folder has; none when its process has ended. */
function entries(path: string): number {
  try {
    return [...Deno.readDirSync(path)].length;
  } catch {
    return 0;
  }
}

/** KiB that are a process's own and no file's. */
function memory(pid: number): number {
  try {
    return Number(
      /^RssAnon:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0,
    );
  } catch {
    return 0;
  }
}
