/**
 * `start` and `stop` of a handler's module, each once in each place that loads it.
 * @module
 */
import { tooLate } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import type { Place } from "./handler.ts";
import type { HandlerParts } from "./handler_module.ts";

/** Milliseconds, as for loading: nobody is served before. */
const START_TIMEOUT = 60_000;

/** A module in one place. */
export class Lifecycle {
  readonly #url: string;
  readonly #parts: Pick<HandlerParts, "start" | "stop">;
  readonly #place: Place;
  #stopped: Promise<string | null> | null = null;

  constructor(url: string, parts: Pick<HandlerParts, "start" | "stop">, place: Place) {
    this.#url = url;
    this.#parts = parts;
    this.#place = place;
  }

  /** @throws {Error} with one line, if `start` fails or takes too long */
  async start(): Promise<void> {
    const { start } = this.#parts;
    if (!start) return;
    const late = tooLate(START_TIMEOUT, `it has not finished after ${START_TIMEOUT / 1000} s`);
    try {
      await Promise.race([Promise.try(start, this.#place), late.promise]);
    } catch (cause) {
      throw new Error(`Cannot start the handler ${this.#url}: ${errorMessage(cause)}`, { cause });
    } finally {
      late.stop();
    }
  }

  /** Once, however often it is called. What went wrong; null if nothing did. */
  stop(): Promise<string | null> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<string | null> {
    const { stop } = this.#parts;
    try {
      await stop?.(this.#place);
      return null;
    } catch (error) {
      return `the handler's \`stop\` failed: ${errorMessage(error)}`;
    }
  }
}
