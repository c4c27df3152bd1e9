/**
 * What `connect` receives, and prints.
 * @module
 */
import type { Connection } from "../../mod.ts";
import { patience } from "../connection/delay.ts";
import { errorCode, errorMessage } from "../connection/errors.ts";
import type { Terminal } from "../runtime.ts";

const NEWLINE = 10;

/** How it ended: the server sent FIN or RST. */
export type Ending = "closed" | "reset";

/** What has come so far, for whoever waits for an answer. */
export class Answers {
  #count = 0;
  #inLine = false;
  #waiting: (() => void) | null = null;

  /** How many times bytes came. */
  get count(): number {
    return this.#count;
  }

  /** Whether what is printed ends without the end of a line. */
  get inLine(): boolean {
    return this.#inLine;
  }

  /** Bytes came, and these are printed of them. */
  came(printed: Uint8Array): void {
    this.#count++;
    if (printed.length > 0) this.#inLine = printed.at(-1) !== NEWLINE;
    this.#waiting?.();
    this.#waiting = null;
  }

  /** Whether more than `count` have come, or come within so many milliseconds. */
  async after(count: number, milliseconds: number): Promise<boolean> {
    if (this.#count > count) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = resolve;
    const stopWaiting = patience(milliseconds, resolve);
    await promise;
    stopWaiting();
    return this.#count > count;
  }

  /** Resolves when nothing has come for so many milliseconds. */
  async silence(milliseconds: number): Promise<void> {
    while (await this.after(this.#count, milliseconds));
  }
}

/**
 * Prints what comes, to its end.
 * @param raw whether NUL bytes, with which the lesson's servers pad, are for a terminal too
 * @throws {Error} if the connection breaks in another way, or it cannot be printed; `EPIPE`
 * if whoever read it is gone
 */
export async function receive(
  runtime: Pick<Terminal, "writeOut" | "isTerminal">,
  connection: Connection,
  raw: boolean,
  answers: Answers,
): Promise<Ending> {
  const whole = raw || !runtime.isTerminal("stdout");
  const buffer = new Uint8Array(65536);
  for (;;) {
    let length;
    try {
      length = await connection.read(buffer);
    } catch (error) {
      if (errorCode(error) === "ECONNRESET") return "reset";
      throw new Error(`the connection broke: ${errorMessage(error)}`, { cause: error });
    }
    if (length === null) return "closed";
    const bytes = buffer.subarray(0, length);
    const printed = whole ? bytes : bytes.filter((byte) => byte !== 0);
    try {
      await runtime.writeOut("stdout", printed);
    } catch (error) {
      if (errorCode(error) === "EPIPE") throw error;
      throw new Error(`Cannot write to standard output: ${errorMessage(error)}`, { cause: error });
    }
    answers.came(printed);
  }
}
