/**
 * What is shown while it runs: a bar with the time left on a terminal, a line
 * for each run elsewhere.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { terminalColumns } from "../runtimes/workbench.ts";
import { Estimate, type PlannedRun } from "./estimate.ts";
import { bar } from "./table.ts";

const ROOM = 10;

/** Shows how far a list of runs has come, on standard error. */
export class Progress {
  readonly #runtime: Runtime;
  readonly #columns: () => number;
  readonly #terminal: boolean;
  readonly #estimate: Estimate;
  #started = 0;
  #what = "";
  #round = "";
  #doing = "";
  #timer: ReturnType<typeof setInterval> | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param columns how wide the terminal is now */
  constructor(runtime: Runtime, runs: readonly PlannedRun[], columns = terminalColumns) {
    this.#runtime = runtime;
    this.#columns = columns;
    this.#terminal = runtime.isTerminal("stderr");
    this.#estimate = new Estimate(runs);
  }

  /** The next run begins; `round` has room in a line, but not beside a bar. */
  start(what: string, round: string): void {
    this.#what = what;
    this.#round = round;
    this.#doing = "";
    this.#started = performance.now();
    if (!this.#terminal) return;
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), 250);
  }

  /** What is happening in the run: shown on a terminal. */
  doing(what: string): void {
    this.#doing = what;
    if (this.#terminal) this.#draw();
  }

  /** It has ended. */
  end(came: string): void {
    const now = performance.now();
    this.#estimate.ended(now - this.#started);
    this.#started = now;
    const { done, all } = this.#estimate;
    if (!this.#terminal) this.#write(`[${done}/${all}] ${this.#what}${this.#round}: ${came}\n`);
  }

  /** Takes the bar away. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#terminal) this.#write("\r\x1b[K");
    await this.#writing;
  }

  #draw(): void {
    const underWay = performance.now() - this.#started;
    const { done, all } = this.#estimate;
    const [part, left] = [this.#estimate.part(underWay), this.#estimate.left(underWay)];
    const text = `${bar(part, ROOM).padEnd(ROOM, "·")} ${Math.min(done + 1, all)}/${all}, ${
      duration(left)
    } left: ${this.#what}${this.#doing === "" ? "" : `: ${this.#doing}`}`;
    // A line that reaches the last column would scroll.
    this.#write(`\r${text.slice(0, Math.max(1, this.#columns() - 1))}\x1b[K`);
  }

  #write(text: string): void {
    this.#writing = this.#writing.then(() => this.#runtime.writeOut("stderr", text))
      .catch(() => {}); // nobody looks
  }
}

/** Seconds, or minutes and seconds. */
export function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
