/**
 * What a handler's module says about itself, beside its handler.
 * @module
 */
import { COMMONJS } from "./load_error.ts";
import type { Handler, ModelName, Place } from "./handler.ts";

/** A handler's module, looked at. */
export interface HandlerParts {
  readonly handler: Handler;
  /** Whether it waits for nothing but its connection. */
  readonly blocking: boolean;
  /** Under which models it may be served; null: under all. */
  readonly models: readonly string[] | null;
  /** Awaited before the first client. */
  readonly start?: PlaceFunction;
  /** Awaited after the last one. */
  readonly stop?: PlaceFunction;
}

/** `start` or `stop`. */
export type PlaceFunction = (place: Place) => unknown;

/** What may stand in `models`: the names of models, and `workers`. */
const SERVED: readonly string[] = ["multiplex", "iterative", "thread", "process", "workers"];

/**
 * What a module exports.
 * @throws {Error} with one line for the first export that is of the wrong kind
 */
export function handlerParts(url: string, exports: unknown): HandlerParts {
  const { default: handler, blocking = false, models = null, start, stop } = exports as Record<
    string,
    unknown
  >;
  const wrong = (name: string, must: string, value: unknown) =>
    new Error(`Cannot use the handler ${url}: its ${name} must be ${must}, and is ${what(value)}`);
  if (typeof handler !== "function") throw wrong("default export", "a function", handler);
  if (typeof blocking !== "boolean") throw wrong("`blocking`", "true or false", blocking);
  if (models !== null && !isModels(models)) {
    throw wrong("`models`", `an array of ${SERVED.join(", ")}`, models);
  }
  for (const [name, given] of Object.entries({ start, stop })) {
    if (given !== undefined && typeof given !== "function") {
      throw wrong(`\`${name}\``, "a function", given);
    }
  }
  return {
    handler: handler as Handler,
    blocking,
    models,
    ...(start ? { start: start as PlaceFunction } : {}),
    ...(stop ? { stop: stop as PlaceFunction } : {}),
  };
}

/**
 * @param inWorkers whether several workers load the module and have many clients each, in
 * which a variable of the module is not the same
 * @throws {Error} with one line if the module is not to be served so
 */
export function demandModel(
  url: string,
  models: HandlerParts["models"],
  model: ModelName,
  inWorkers: boolean,
): void {
  if (models === null) return;
  let refused = model as string;
  if (models.includes(model)) {
    if (!inWorkers || models.includes("workers")) return;
    refused += " with workers";
  }
  const said = JSON.stringify(models);
  throw new Error(
    `Cannot serve the handler ${url} under ${refused}: its module says \`models\` ${said}`,
  );
}

function isModels(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((name) => SERVED.includes(name));
}

/** What an export is that is of the wrong kind. */
function what(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return JSON.stringify(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return typeof (value as { default?: unknown }).default === "function"
    ? `an object: ${COMMONJS}`
    : "an object";
}
