/**
 * A model is where the accept loops run, and how many connections each holds.
 * @module
 */
import type { ModelName } from "./handler.ts";

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
