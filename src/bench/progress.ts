/**
 * What is shown while it runs: a bar with the time left on a terminal, a line
 * for each run elsewhere.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { bar } from "./table.ts";

const ROOM = 16;
const WIDTH = 79;

/** Shows how far a list of runs has come, on standard error. */
export class Progress {
  readonly #runtime: Runtime;
  readonly #terminal: boolean;
  readonly #expected: readonly number[];
  #done = 0;
  #elapsed = 0;
  #started = 0;
  #what = "";
  #timer: ReturnType<typeof setInterval> | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param expected how many milliseconds each run will probably take */
  constructor(runtime: Runtime, expected: readonly number[]) {
    this.#runtime = runtime;
    this.#terminal = runtime.isTerminal("stderr");
    this.#expected = expected;
  }

  /** The next run begins. */
  start(what: string): void {
    this.#what = what;
    this.#started = performance.now();
    if (!this.#terminal) return;
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), 250);
  }

  /** It has ended. */
  end(came: string): void {
    const now = performance.now();
    this.#elapsed += now - this.#started;
    this.#started = now;
    this.#done++;
    if (!this.#terminal) {
      this.#write(`[${this.#done}/${this.#expected.length}] ${this.#what}: ${came}\n`);
    }
  }

  /** Takes the bar away. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#terminal) this.#write("\r\x1b[K");
    await this.#writing;
  }

  #draw(): void {
    const planned = this.#expected.slice(0, this.#done).reduce((a, b) => a + b, 0);
    const all = this.#expected.reduce((a, b) => a + b, 0);
    // Starts and ends take longer on one machine than on another.
    const pace = planned === 0 ? 1 : this.#elapsed / planned;
    const current = this.#done < this.#expected.length
      ? Math.min(performance.now() - this.#started, this.#expected[this.#done] * pace)
      : 0;
    const left = Math.max(0, (all - planned) * pace - current);
    const part = Math.min(1, (planned * pace + current) / (all * pace));
    const text = `${bar(part, ROOM).padEnd(ROOM, "·")} ${
      Math.min(this.#done + 1, this.#expected.length)
    }/${this.#expected.length} ${this.#what}, ${duration(left)} left`;
    this.#write(`\r${text.slice(0, WIDTH)}\x1b[K`);
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
