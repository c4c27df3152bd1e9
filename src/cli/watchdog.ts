/**
 * How often a service manager wants a sign of life, see sd_watchdog_enabled(3).
 * @module
 */
import { LONGEST_TIMER } from "../connection/delay.ts";

/**
 * Milliseconds between two signs; null if none is wanted of this process. It is half
 * of what the manager waits, as its manual asks for.
 * @param microseconds WATCHDOG_USEC's value
 * @param whose WATCHDOG_PID's value
 * @param warn told if it cannot be understood
 */
export function watchdogPeriod(
  microseconds: string | undefined,
  whose: string | undefined,
  pid: number,
  warn: (message: string) => void,
): number | null {
  if (!microseconds || (whose && whose !== `${pid}`)) return null;
  const wanted = Number(microseconds);
  if (!/^\d+$/.test(microseconds) || wanted === 0) {
    warn(`the service manager's watchdog is not answered: WATCHDOG_USEC is no number of them`);
    return null;
  }
  return Math.min(LONGEST_TIMER, Math.max(1, Math.floor(wanted / 2000)));
}
