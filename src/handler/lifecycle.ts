/**
 * `start` and `stop` of a handler's module, each once in each place that loads it.
 * @module
 */
import { tooLate } from "../connection/delay.ts";
import { errorMessage } from "../connection/errors.ts";
import type { Place } from "./handler.ts";
import type { HandlerParts, PlaceFunction } from "./handler_module.ts";

/** Milliseconds, as for loading: nobody is served before. */
const START_TIMEOUT = 60_000;
/** Milliseconds that `stop` has at least, however little is left. */
const LEAST_STOP = 1000;

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

  /**
   * Null if there is no `start`: forks are sooner there without a promise.
   * @throws {Error} with one line, if `start` fails or takes too long
   */
  start(): Promise<void> | null {
    const { start } = this.#parts;
    return start ? this.#start(start) : null;
  }

  async #start(start: PlaceFunction): Promise<void> {
    const late = tooLate(START_TIMEOUT, `it has not finished after ${seconds(START_TIMEOUT)} s`);
    try {
      await Promise.race([Promise.try(start, this.#place), late.promise]);
    } catch (cause) {
      throw new Error(`Cannot start the handler ${this.#url}: ${errorMessage(cause)}`, { cause });
    } finally {
      late.stop();
    }
  }

  /**
   * Once, however often it is called. What went wrong; null if nothing did.
   * @param milliseconds that it may take: whoever is to leave must not stay for ever
   */
  stop(milliseconds: number): Promise<string | null> {
    return this.#stopped ??= this.#stop(Math.max(LEAST_STOP, milliseconds));
  }

  async #stop(milliseconds: number): Promise<string | null> {
    const { stop } = this.#parts;
    if (!stop) return null;
    const late = tooLate(milliseconds, `it has not finished after ${seconds(milliseconds)} s`);
    try {
      await Promise.race([Promise.try(stop, this.#place), late.promise]);
      return null;
    } catch (error) {
      return `the handler's \`stop\` failed: ${errorMessage(error)}`;
    } finally {
      late.stop();
    }
  }
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}
