/**
 * Numbers for people, in the unit that suits.
 * @module
 */

/** 12,345 or 12.3 or 1.23: three digits at least. */
export function formatNumber(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Microseconds, in the unit that suits. */
export function formatTime(microseconds: number): string {
  if (microseconds < 999.5) return `${formatNumber(microseconds)} µs`;
  if (microseconds < 999_500) return `${formatNumber(microseconds / 1e3)} ms`;
  return `${formatNumber(microseconds / 1e6)} s`;
}

/** Kilobytes, in the unit that suits. */
export function formatMemory(kilobytes: number): string {
  return kilobytes < 1023.5
    ? `${formatNumber(Math.max(0, kilobytes))} KiB`
    : `${formatNumber(kilobytes / 1024)} MiB`;
}

/** A number and its noun. */
export const plural = (count: number, one: string): string =>
  count === 1 ? `1 ${one}` : `${count.toLocaleString("en-US")} ${one}s`;
