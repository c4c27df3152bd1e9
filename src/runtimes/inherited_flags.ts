/**
 * A runtime's own flags, as far as workers have them too.
 * @module
 */

/** A flag whose value may begin with a dash: a program. */
const EVALUATES = /^(-e|-p|-pe|--eval|--print)$/;

/**
 * Those of this process that its workers have too, so that they resolve modules as it
 * does: all but `own` ones, such as a debugger's port. A value that stands alone goes
 * with its flag.
 */
export function inheritedFlags(given: readonly string[], own: RegExp): string[] {
  let left = false;
  return given.filter((word, i) => {
    const isValue = i > 0 && (!word.startsWith("-") || EVALUATES.test(given[i - 1]));
    if (!isValue) left = own.test(word);
    return !left;
  });
}
