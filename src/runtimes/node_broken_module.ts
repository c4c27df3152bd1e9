/**
 * Where a module that Node does not load is broken: Node prints it when it ends
 * because of the error, and tells it to nobody else.
 * @module
 */
import { builtin } from "./builtin.ts";
import type { BrokenModule, Runtime } from "../runtime.ts";

/** What Node writes before a stack: the file, the line, and a caret below the column. */
const SOURCE = /^(file:.+|\/.+):(\d+)\n(?:.*\n){1,3}?([ \t]*)\^/;
/** The stack of an error that the compiler has made, and no line of a module. */
const OF_COMPILER = /^SyntaxError[^\n]*\n\s+at [^\n]*\(node:internal\/modules\//;
/** The same where the compiler took the file for CommonJS. */
const OF_COMMONJS = /^SyntaxError.*\n\s+at [^\n]*\(node:internal\/modules\/cjs\//m;

/** See `Modules.brokenModule`. */
export const brokenModule: Runtime["brokenModule"] = async (error, again) => {
  const { stack, code } = error as { stack?: unknown; code?: unknown };
  if (typeof stack !== "string") return { at: null, hint: null };
  const [source, file, line, indent] = SOURCE.exec(stack) ?? [];
  const at = source
    ? `${urlOf(file)}:${line}:${indent.length + 1}`
    : OF_COMPILER.test(stack)
    ? await placeOf(error, again)
    : null;
  return { at, hint: hintFor(code, OF_COMMONJS.test(stack), at) };
};

function hintFor(code: unknown, commonJs: boolean, at: BrokenModule["at"]): BrokenModule["hint"] {
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return "Node erases types and compiles nothing, so it takes no enum, parameter property or " +
      "namespace; write it without, or run it on Deno or Bun";
  }
  if (!commonJs) return null;
  if (at !== null && /\.c[jt]s:/.test(at)) {
    return "it is read as CommonJS because of its name; let it end with .mjs or .mts";
  }
  return "it is read as CommonJS; run npm pkg set type=module where its package.json is";
}

function urlOf(file: string): string {
  return file.startsWith("/") ? builtin.url.pathToFileURL(file).href : file;
}

/**
 * Where a syntax error is: the file is the last one that is loaded until it comes
 * again, the rest V8's inspector knows (24.21, 26.10).
 */
async function placeOf(error: unknown, again: () => Promise<unknown>): Promise<string | null> {
  const files: string[] = [];
  const hooks = builtin.module.registerHooks({
    load(url, context, next) {
      files.push(url);
      return next(url, context);
    },
  });
  await again().catch(() => {});
  hooks.deregister();
  const place = inspect(error);
  // None is loaded again where a module that was running has imported the broken one.
  return files.length === 0 || !place ? null : `${files.at(-1)}:${place}`;
}

/** What the inspector knows of an error, counted from 0; -1 where it is in none of the scripts. */
interface Details {
  readonly exceptionDetails: { readonly lineNumber: number; readonly columnNumber: number };
}

/** The line and the column of an error. */
function inspect(error: unknown): string | null {
  const { Session } = builtin.inspector;
  const session = new Session();
  session.connect();
  const scope = globalThis as { [BROKEN]?: unknown };
  scope[BROKEN] = error;
  let place: string | null = null;
  // Within one thread it answers before `post` returns.
  session.post("Runtime.evaluate", { expression: BROKEN }, (_, { result: { objectId } }) => {
    session.post("Runtime.getExceptionDetails", { errorObjectId: objectId! }, (_, details) => {
      const { lineNumber, columnNumber } = (details as Details).exceptionDetails;
      if (lineNumber >= 0) place = `${lineNumber + 1}:${columnNumber + 1}`;
    });
  });
  delete scope[BROKEN];
  session.disconnect();
  return place;
}

/** What the inspector finds the error by. */
const BROKEN = "trivetBrokenModule";
