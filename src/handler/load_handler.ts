/**
 * From what names a handler to the function.
 * @module
 */
import { tooLate } from "../connection/delay.ts";
import { moduleBeside } from "../module_beside.ts";
import type { Runtime } from "../runtime.ts";
import echo, { blocking } from "./echo.ts";
import { type HandlerParts, handlerParts } from "./handler_module.ts";
import { loadError } from "./load_error.ts";

/** For `thread` and `process`, and everywhere: the URL of the handler's module. */
export type HandlerModule = URL | string;

/** The module of the default handler, echo until "bye". */
export const ECHO: URL = moduleBeside("./echo", import.meta.url);

/**
 * What is no URL is a path, and relative to the current folder.
 * @throws {TypeError} with one line if it begins like a URL and is none
 */
export function handlerUrl(runtime: Runtime, handler: HandlerModule): string {
  const isUrl = handler instanceof URL || /^[a-z][a-z0-9+.-]+:/i.test(handler);
  if (!isUrl) return runtime.fileUrl(handler).href;
  if (URL.canParse(handler)) return new URL(handler).href;
  throw new TypeError(`Cannot load the handler "${handler}": it is no URL`);
}

/** Imports a module. */
export type LoadModule = (url: string) => Promise<unknown>;

/** Milliseconds: a top-level await may never end, and then no worker and no reload would. */
const LOAD_TIMEOUT = 60_000;

/**
 * A handler's module, loaded.
 * @param timeout milliseconds that it may take
 * @param hint what to do if it takes longer
 * @throws {Error} with one line that says what is wrong with it
 */
export async function loadHandler(
  runtime: Pick<Runtime, "brokenModule" | "fileUrl">,
  url: string,
  load: LoadModule = (url) => import(url),
  timeout: number = LOAD_TIMEOUT,
  hint = "",
): Promise<HandlerParts> {
  // It is loaded already, and a worker may not be allowed to import.
  if (url === ECHO.href) return { handler: echo, blocking, models: null };
  const late = tooLate(
    timeout,
    `its module has not finished loading after ${timeout / 1000} s${hint}`,
  );
  const loaded = () => Promise.race([load(url), late.promise]);
  let module;
  try {
    module = await loaded();
  } catch (cause) {
    const why = await loadError(runtime, cause, loaded);
    const what = `Cannot load the handler ${url}: `;
    // A module that serves itself fails with such a line of its own.
    throw new Error(why.startsWith(what) ? why : what + why, { cause });
  } finally {
    late.stop();
  }
  return handlerParts(url, module);
}
