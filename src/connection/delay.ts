/**
 * To wait for a time.
 * @module
 */

/** The most milliseconds of a timer, and of poll(2): one that is longer would be over at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** Resolves after so many milliseconds. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves when the event loop has had its turn: what was there before it has happened. */
export function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves with the promise, which must not reject, or after so many milliseconds. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([promise, late]);
  clearTimeout(timer!);
}

/** In how many steps `patience` waits. */
const STEPS = 10;

/**
 * Calls `over` when whoever is waited for has had so many milliseconds, in which
 * this thread ran: a pause of the machine, or of this thread, counts as one step.
 * Otherwise the timer's end would come before what others did in time.
 * @returns what ends it early
 */
export function patience(milliseconds: number, over: () => void): () => void {
  let left = STEPS;
  let timer: ReturnType<typeof setTimeout>;
  const step = () => {
    timer = setTimeout(() => --left > 0 ? step() : over(), milliseconds / STEPS);
  };
  step();
  return () => clearTimeout(timer);
}

/** A promise that rejects with `why` when whoever is waited for has had so long, unless it is stopped. */
export function tooLate(
  milliseconds: number,
  why: string,
): { readonly promise: Promise<never>; stop(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  return { promise, stop: patience(milliseconds, () => reject(new Error(why))) };
}

/** Resolves when whoever is waited for has had so long, as `patience` counts it. */
export function patiently(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void patience(milliseconds, resolve));
}

/** A call that is made later, and only once however often it is asked for. */
export class Later {
  readonly #call: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(call: () => void) {
    this.#call = call;
  }

  /** Whether the call is still to come. */
  get waits(): boolean {
    return this.#timer !== null;
  }

  /** Calls after so many milliseconds, unless a call waits already. */
  in(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#call();
    }, milliseconds);
  }

  /** Does not call. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
