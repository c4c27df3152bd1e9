/**
 * What serve() was given, in either order that it takes.
 * @module
 */
import type { Handler } from "../handler/handler.ts";
import { ECHO, type HandlerModule } from "../handler/load_handler.ts";
import type { ServeOptions } from "../options.ts";
import { kindOf } from "../check_options.ts";

/**
 * The options, still unchecked, and the handler.
 * @throws {TypeError} with one line for what serve() has no use for
 */
export function sortArguments(
  given: readonly unknown[],
): { options: ServeOptions; handler: Handler | HandlerModule } {
  const more = (from: number) => given.slice(from).some((value) => value !== undefined);
  const [first, second] = given;
  if (isHandler(first)) {
    if (more(1)) {
      throw new TypeError("Cannot serve: options come first: serve({ port: 8888 }, handler)");
    }
    return { options: {}, handler: first };
  }
  if (more(2)) {
    throw new TypeError("Cannot serve: it takes options and a handler, and nothing after them");
  }
  if (second !== undefined && !isHandler(second)) {
    throw new TypeError(
      `Cannot serve: the handler is a function, or the URL or path of its module, and this is ${
        kindOf(second)
      }`,
    );
  }
  if (Object.hasOwn(Object(first), "handler")) {
    throw new TypeError("Cannot serve with handler: it is the second argument and no option");
  }
  return { options: first as ServeOptions, handler: second ?? ECHO };
}

function isHandler(value: unknown): value is Handler | HandlerModule {
  return typeof value === "function" || typeof value === "string" || value instanceof URL;
}
