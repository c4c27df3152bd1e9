/**
 * A mistake of the user's.
 * @module
 */

/** A mistake of the user's: one line, exit 2. */
export class UsageError extends Error {}
