/**
 * Where a module that Bun does not load is broken.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { builtin } from "./builtin.ts";

/** What Bun's messages of its compiler have beside what errors have. */
interface BuildMessage {
  readonly position?: { readonly file: string; readonly line: number; readonly column: number };
}

/** See `Modules.brokenModule`. Where there are several, it is of the first. */
export const brokenModule: Runtime["brokenModule"] = (error) => {
  const first = (error as { errors?: unknown[] } | null)?.errors?.[0] ?? error;
  const position = (first as BuildMessage | null)?.position;
  if (!position) return Promise.resolve({ at: null, hint: null });
  const { file, line, column } = position;
  const at = `${builtin.url.pathToFileURL(file)}:${line}:${column}`;
  return Promise.resolve({ at, hint: null });
};
