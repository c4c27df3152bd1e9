/**
 * How long to wait after a worker has failed to start, longer each time, and when
 * to give up.
 * @module
 */
import { Later } from "../connection/delay.ts";
import { acceptErrorClass, errorCode } from "../connection/errors.ts";

const FIRST_DELAY = 100;
const LARGEST_DELAY = 10_000;
/** Where there was no room for a worker: it may be there again in a moment. */
const LARGEST_NO_ROOM_DELAY = 1000;

/** Failures in a row, with no worker alive, after which there is no hope. */
const GIVE_UP_AFTER = 5;

/** Milliseconds between two reports that there was no room. */
const REPORT_INTERVAL = 1000;

/** Milliseconds after which a worker that ends has not failed to start. */
export const LONG_LIFE = LARGEST_DELAY;

/** Counts failures in a row, and waits. */
export class BackOff {
  #failures = 0;
  readonly #retry: Later;
  #reported = 0;

  /** @param retry called when the wait is over */
  constructor(retry: () => void) {
    this.#retry = new Later(retry);
  }

  /**
   * One more failure: waits before the next start, the longer the more there have
   * been; or returns false, because there is no hope.
   * @param hope whether to go on after however many failures
   * @param noRoomPasses whether to go on when it was only room that was missing
   */
  failed(error: Error, hope: boolean, noRoomPasses: boolean): boolean {
    this.#failures++;
    // That passes; EAGAIN is fork's word for too many processes, see fork(2).
    const noRoom = acceptErrorClass(error) === "no room" || errorCode(error) === "EAGAIN";
    if (this.#failures >= GIVE_UP_AFTER && !hope && !(noRoom && noRoomPasses)) return false;
    const delay = Math.min(
      FIRST_DELAY * 2 ** (this.#failures - 1),
      noRoom ? LARGEST_NO_ROOM_DELAY : LARGEST_DELAY,
    );
    this.#retry.in(delay);
    return true;
  }

  /** A worker has served, or lived long: the next failure is the first. */
  forget(): void {
    this.#failures = 0;
  }

  /** Whether nothing may be started yet. */
  get waits(): boolean {
    return this.#retry.waits;
  }

  /** Whether to report that there was no room: at most once a second. */
  mayReport(): boolean {
    const now = Date.now();
    if (now - this.#reported < REPORT_INTERVAL) return false;
    this.#reported = now;
    return true;
  }

  /** Waits no longer. */
  stop(): void {
    this.#retry.stop();
  }
}
