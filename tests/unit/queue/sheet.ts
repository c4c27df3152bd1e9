/** The counts that workers of one queue have written, without a file. */
import { type Counts, Turns } from "../../../src/queue/turns.ts";

/** What workers have written, and what the test writes for some of them. */
export class Sheet implements Counts {
  readonly #lines: number[] = [];

  write(line: number, open: number, takes: boolean): void {
    const wrote = (this.#lines[3 * line + 2] ?? 0) + 1;
    this.#lines.splice(3 * line, 3, open, takes ? 1 : 0, wrote);
  }

  read(): Int32Array {
    return Int32Array.from(this.#lines);
  }

  get open(): number[] {
    return this.#lines.filter((_, at) => at % 3 === 0);
  }
}

/** Two workers; the other is written by the test. */
export function two(open: number, most = 1000, own = 1000): { sheet: Sheet; turns: Turns } {
  const sheet = new Sheet();
  sheet.write(0, 0, true);
  const turns = new Turns(sheet, 0, most, own);
  sheet.write(1, open, true);
  return { sheet, turns };
}
