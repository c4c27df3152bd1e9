/** A manager's socket unit: it listens, and passes its sockets on to whoever it starts. */
import { assert } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import type { TcpAddress } from "../../mod.ts";
import { Libc } from "../../src/posix/libc.ts";
import { listen } from "../../src/posix/listening_socket.ts";
import { detect } from "../../src/runtimes/detect.ts";
import { until, within } from "./client.ts";
import { CLI } from "./command.ts";

const libc = new Libc(await detect());

/** The server that it has started. */
export class Activated {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly #ended: Promise<number | null>;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.on("data", (bytes) => this.stdout += bytes);
    child.stderr!.on("data", (bytes) => this.stderr += bytes);
    this.#ended = new Promise((resolve) => child.on("close", resolve));
  }

  async ready(): Promise<void> {
    let isOver = false;
    this.#ended.then(() => isOver = true);
    await until("the ready line", () => isOver || this.stdout.endsWith("\n"));
    assert(!isOver, `the server ended: ${this.stderr}`);
  }

  exit(): Promise<number | null> {
    return within("the server's end", this.#ended);
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<number | null> {
    Deno.kill(this.child.pid!, "SIGTERM"); // with child.kill() Deno tells no exit code (2.9)
    return await this.exit();
  }
}

/** Listening sockets, by the names that whoever is started is told. */
export class SocketUnit {
  readonly addrs: readonly TcpAddress[];
  readonly #names: readonly string[];
  readonly #descriptors: number[];

  constructor(...names: string[]) {
    this.#names = names;
    const anywhere = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
    this.#descriptors = names.map(() => listen(libc, anywhere, 511));
    // As another program would have made them.
    for (const descriptor of this.#descriptors) libc.endBy(descriptor, "FIN");
    this.addrs = this.#descriptors.map((fd) => libc.localAddress(fd) as TcpAddress);
  }

  /**
   * Starts a server with them.
   * @param run a runtime, and its arguments before the command's path
   * @param pid whose they are said to be; without it, the server's
   */
  start(run: readonly [string, ...string[]], args: string[], pid = "$$"): Activated {
    const script = `LISTEN_PID=${pid} exec "$@"`;
    const child = spawn("sh", ["-c", script, "sh", ...run, CLI, "serve", ...args], {
      stdio: ["ignore", "pipe", "pipe", ...this.#descriptors],
      env: {
        ...Deno.env.toObject(),
        ...{ NO_COLOR: "1", LISTEN_FDS: `${this.#names.length}` },
        LISTEN_FDNAMES: this.#names.join(":"),
      },
    });
    return new Activated(child);
  }

  /** Whether an option of the first socket is set, and its filter is there. */
  option(name: number): number {
    return libc.option(this.#descriptors[0], name);
  }

  close(): void {
    for (const descriptor of this.#descriptors) libc.close(descriptor);
  }
}
