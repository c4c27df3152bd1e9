/**
 * A model is where the accept loops run, and how many connections each holds.
 * @module
 */
import type { ModelName } from "../handler/handler.ts";

/** A row of the table. */
export interface Model {
  /** Where the accept loops run. */
  readonly where: "main" | "thread" | "process";
  /** How many connections each loop holds at once. */
  readonly each: "one" | "many";
  /** How many connections at once, all loops together, unless told otherwise. */
  readonly maxConnections: number;
}

/** The table; the first row is the default. */
export const MODELS: Readonly<Record<ModelName, Model>> = {
  multiplex: { where: "main", each: "many", maxConnections: 10_000 },
  iterative: { where: "main", each: "one", maxConnections: 1 },
  thread: { where: "thread", each: "one", maxConnections: 256 },
  process: { where: "process", each: "one", maxConnections: 64 },
};

/** Rows for a model whose loops run in several workers. */
const IN_WORKERS: Partial<Record<ModelName, Model>> = {
  multiplex: { where: "process", each: "many", maxConnections: MODELS.multiplex.maxConnections },
};

/** The row of a model; undefined if it cannot be had in so many workers of its own. */
export function modelIn(workers: number, name: ModelName): Model | undefined {
  return workers > 0 ? IN_WORKERS[name] : MODELS[name];
}
