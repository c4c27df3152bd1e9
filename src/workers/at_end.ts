/**
 * What a worker has to give back before it ends: of a thread the kernel takes nothing.
 * @module
 */

/** Called in turn, each once. */
export const atEnd: (() => Promise<void>)[] = [];
