/**
 * Modules that are found by their URL: what runs in a thread or process of its own.
 * @module
 */

/**
 * The URL of a module beside the one that asks, `.ts` in a checkout and `.js` in
 * the npm package.
 * @param path relative, without its extension
 * @param asker the `import.meta.url` of the one that asks
 */
export function moduleBeside(path: string, asker: string): URL {
  return new URL(path + (asker.endsWith(".ts") ? ".ts" : ".js"), asker);
}
