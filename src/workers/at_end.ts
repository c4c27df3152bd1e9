/**
 * What a thread has to give back before it ends, of which the kernel takes nothing.
 * @module
 */

/** Called in turn, each once. */
export const atEnd: (() => Promise<void>)[] = [];
