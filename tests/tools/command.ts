/** Runs the real command for tests. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Address } from "../../mod.ts";
import { type Client, until, within } from "./client.ts";

export const CLI: string = new URL("../../cli.ts", import.meta.url).pathname;

/** How a command is run. */
export interface CommandOptions {
  readonly cwd?: string;
  /** Flags of Deno, instead of -A. */
  readonly flags?: string[];
  readonly env?: Record<string, string>;
  /** What stands before the arguments, instead of Deno and cli.ts. */
  readonly program?: readonly [string, ...string[]];
}

/** A command that runs, with what it has written so far. */
export class Command {
  readonly child: Deno.ChildProcess;
  stdout = "";
  stderr = "";
  readonly status: Promise<Deno.CommandStatus>;
  readonly #reading: Promise<void>[];
  #ended = false;
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;

  /** Runs cli.ts on Deno, or `program`. */
  constructor(args: string[], options: CommandOptions = {}) {
    const [program, ...before] = options.program ??
      [Deno.execPath(), "run", ...(options.flags ?? ["-A"]), CLI];
    this.child = new Deno.Command(program, {
      args: [...before, ...args],
      cwd: options.cwd,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = [
      this.#read(this.child.stdout, (text) => this.stdout += text),
      this.#read(this.child.stderr, (text) => this.stderr += text),
    ];
    this.status = this.child.status;
    this.status.then(() => this.#ended = true);
  }

  /** What it has written to standard error, without the times before the lines. */
  get log(): string {
    return this.stderr.replace(/^\d{4}-\d\d-\d\dT\S+Z /gm, "");
  }

  /** Ends it if it still runs, which is so where a test has failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    for (const pid of [...descendants(this.child.pid), this.child.pid].filter(alive)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await this.exit();
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    take: (text: string) => void,
  ) {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      take(text);
    }
  }

  async input(text: string): Promise<void> {
    this.#writer ??= this.child.stdin.getWriter();
    await this.#writer.write(new TextEncoder().encode(text));
  }

  async endInput(): Promise<void> {
    if (this.#writer) await this.#writer.close();
    else await this.child.stdin.close();
  }

  /** Its exit code, when all that it wrote is read. */
  async exit(ms?: number): Promise<number> {
    await this.endInput().catch(() => {});
    this.#writer = null;
    const status = await within("the command's end", this.status, ms);
    await Promise.all(this.#reading);
    return status.code;
  }

  /** The address of its ready line. */
  async ready(ms?: number): Promise<Address> {
    let ended = false;
    this.status.then(() => ended = true);
    await until("the ready line", () => this.stdout.includes("\n") || ended, ms);
    assert(!ended, `the server ended: ${this.stderr}`);
    const line = this.stdout.split("\n")[0];
    if (line.startsWith("listening on unix:")) {
      return {
        transport: "unix",
        path: line.slice("listening on unix:".length),
      };
    }
    assertMatch(line, /^listening on .+:\d+$/);
    const at = line.lastIndexOf(":");
    const hostname = line.slice("listening on ".length, at).replace(
      /[[\]]/g,
      "",
    );
    return { transport: "tcp", hostname, port: Number(line.slice(at + 1)) };
  }
}

/** The processes whose parent it is, and theirs. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of Deno.readDirSync("/proc")) {
    const child = Number(entry.name);
    if (!Number.isInteger(child)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${child}/stat`);
      const parent = Number(
        stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1],
      );
      children.set(parent, [...children.get(parent) ?? [], child]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const all: number[] = [];
  const todo = [pid];
  for (let next; (next = todo.pop()) !== undefined;) {
    for (const child of children.get(next) ?? []) {
      all.push(child);
      todo.push(child);
    }
  }
  return all;
}

/** Whether a process is there. */
export function alive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** Sends a signal to a process, unless it has ended meanwhile. */
export function signal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Clock ticks, a hundredth of a second each, that they have computed; NaN if one has ended. */
export function ticks(pids: number[]): number {
  return pids.reduce((total, pid) => {
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    } catch {
      return NaN;
    }
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return total + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

/** Closes the clients, and ends the server, which must exit with 0. */
export async function end(command: Command, ...clients: Client[]): Promise<void> {
  for (const client of clients) await client.close();
  command.child.kill("SIGTERM");
  assertEquals(await command.exit(), 0);
}

/** Sends the signal until it has ended: too soon after the first it is the same one. */
export async function insist(command: Command, signal: Deno.Signal): Promise<void> {
  let ended = false;
  command.status.then(() => ended = true);
  await until("the end", () => {
    try {
      command.child.kill(signal);
    } catch {
      // It has ended meanwhile.
    }
    return ended;
  });
}
