/**
 * Where a worker begins: the modules that its thread or process is started with.
 * @module
 */
import { moduleBeside } from "../module_beside.ts";

/** The module of a worker that may read files. */
export const ENTRY: URL = moduleBeside("./worker_start", import.meta.url);

/**
 * A worker process's main module when it may not read: Deno lets a module that
 * it does not have to read import what it names, and nothing else (2.9).
 */
export function namingEntry(handler: string): URL {
  const main = moduleBeside("./worker_main", import.meta.url);
  const [mainName, handlerName] = [main.href, handler].map((url) => JSON.stringify(url));
  const code = `import { main } from ${mainName}; void main(() => import(${handlerName}));`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
