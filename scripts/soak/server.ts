/**
 * The server of a soak: started, its log read as it comes, and what it and
 * all that it started hold, from /proc.
 * @module
 */
import type { ServerEvent } from "../../mod.ts";
import { descendants } from "../../tests/tools/command.ts";
import { entries, kilobytes } from "../../tests/tools/proc.ts";

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

/** Milliseconds between two looks at the log. */
const READ_EVERY = 50;
const BUFFER = new Uint8Array(1 << 16);
const CLI = new URL("../../cli.ts", import.meta.url).pathname;

/** A server that runs, and tells what happens in it. */
export class Server {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  /** Resolves with its port when it is ready. */
  readonly port: Promise<number>;
  /** Its worker processes that are ready, by their ids. */
  readonly workers = new Set<number>();
  readonly #log: Deno.FsFile;
  readonly #path: string;
  readonly #reading: ReturnType<typeof setInterval>;
  readonly #decoder = new TextDecoder();
  #rest = "";
  readonly #onEvent: (event: ServerEvent) => void;
  readonly #onLine: (line: string) => void;

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
    this.#onEvent = onEvent;
    this.#onLine = onLine;
    // Under load Deno serves a pipe so seldom (2.9) that the server would drop lines; a file waits.
    this.#path = Deno.makeTempFileSync({ prefix: "soak", suffix: ".log" });
    this.#log = Deno.openSync(this.#path);
    const child = new Deno.Command("sh", {
      args: [
        ...["-c", 'exec "$@" 2>> "$0"', this.#path, ...program],
        ...[CLI, "serve", "--port", "0", "--log", "json", ...args],
      ],
      stdout: "piped",
    }).spawn();
    this.pid = child.pid;
    this.status = child.status;
    this.#reading = setInterval(() => this.#readLog(), READ_EVERY);
    this.port = firstLine(child.stdout).then((line) => Number(line.split(":").at(-1)));
    this.port.catch(() => {}); // whoever waits for it is told
  }

  /** Reads what the log still has, once the server has ended. */
  async end(): Promise<Deno.CommandStatus> {
    const status = await this.status;
    clearInterval(this.#reading);
    this.#readLog();
    this.#log.close();
    Deno.removeSync(this.#path);
    return status;
  }

  #readLog(): void {
    for (let n; (n = this.#log.readSync(BUFFER)) !== null;) {
      const text = this.#decoder.decode(BUFFER.subarray(0, n), { stream: true });
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.#line(line);
    }
  }

  #line(line: string): void {
    if (!line.startsWith("{")) return this.#onLine(line);
    const event = JSON.parse(line) as ServerEvent;
    if (event.type === "worker_started" && event.worker.kind === "process") {
      this.workers.add(event.worker.id);
    }
    if (event.type === "worker_exited") this.workers.delete(event.worker.id);
    this.#onEvent(event);
  }

  /** Processes that fork its workers: children of its own that are no workers, and have children. */
  templates(): number[] {
    return descendants(this.pid).filter((pid) =>
      !this.workers.has(pid) && descendants(pid).length > 0
    );
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

/** The ready line, which is all that a server writes there. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes("\n")) return text.trim();
  }
  throw new Error("the server ended before it was ready");
}

/** KiB that are a process's own: no file's, and not shared with what forked it. */
const memory = (pid: number) => kilobytes(pid, "Private_Dirty");
