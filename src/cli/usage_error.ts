/**
 * Apart from the options, so that cli.ts loads no dependency before it knows the
 * runtime.
 * @module
 */

/** A mistake of the user's: one line, exit 2. */
export class UsageError extends Error {}
