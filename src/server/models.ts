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
  /** The workers; null where the loop runs in the main process. */
  readonly workers: Workers | null;
}

/** What is to be known of a model's workers. */
export interface Workers {
  /** How clients may reach them; the first is taken wherever it can be had. */
  readonly entrances: readonly EntranceName[];
  /** How many there are: a few more than have clients, or as many as were asked for. */
  readonly crew: "spare" | "fixed";
}

/**
 * How clients reach workers. `shared`: each worker accepts for itself. `queue`: the
 * same, the one with the fewest connections first. `handed over`: the main process
 * accepts.
 */
export type EntranceName = "shared" | "queue" | "handed over";

/** The table; the first row is the default. */
export const MODELS: Readonly<Record<ModelName, Model>> = {
  multiplex: { where: "main", each: "many", maxConnections: 10_000, workers: null },
  iterative: { where: "main", each: "one", maxConnections: 1, workers: null },
  thread: {
    where: "thread",
    each: "one",
    maxConnections: 256,
    workers: { entrances: ["shared"], crew: "spare" },
  },
  process: {
    where: "process",
    each: "one",
    maxConnections: 64,
    workers: { entrances: ["shared", "handed over"], crew: "spare" },
  },
};

/** Rows for a model whose loops run in as many workers as were asked for. */
const IN_WORKERS: Partial<Record<ModelName, Model>> = {
  multiplex: {
    where: "process",
    each: "many",
    maxConnections: MODELS.multiplex.maxConnections,
    workers: { entrances: ["queue"], crew: "fixed" },
  },
};

/** The row of a model; undefined if it cannot be had in so many workers of its own. */
export function modelIn(workers: number, name: ModelName): Model | undefined {
  return workers > 0 ? IN_WORKERS[name] : MODELS[name];
}
