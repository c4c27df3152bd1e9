/**
 * What is said of a handler's module that does not load: what is wrong, in which
 * file, line and column, and what to do.
 * @module
 */
import { errorMessage } from "../connection/errors.ts";
import type { BrokenModule, Runtime } from "../runtime.ts";

/**
 * One line for an error with which loading a module ended.
 * @param again loads it once more
 */
export async function loadError(
  runtime: Pick<Runtime, "brokenModule" | "fileUrl">,
  error: unknown,
  again: () => Promise<unknown>,
): Promise<string> {
  let message = firstLine(error);
  let thrown: string | null = null;
  let known: BrokenModule = { at: null, hint: null };
  try {
    const { stack, errors } = error as Partial<AggregateError>;
    thrown = usersPlace(runtime, stack);
    // Bun's own message says no more than how many there are.
    if (Array.isArray(errors) && errors.length > 0) message += `: ${firstLine(errors[0])}`;
    known = await runtime.brokenModule(error, again);
  } catch {
    // What was thrown may be anything, and then nothing more is known of it.
  }
  const at = known.at ?? thrown;
  const hint = known.hint ?? (IS_COMMONJS.test(message) ? COMMONJS : null);
  return message + (at === null || message.includes(at) ? "" : ` at ${at}`) +
    (hint === null ? "" : `: ${hint}`);
}

/** What a module says that was compiled to CommonJS and is read as an ES module. */
const IS_COMMONJS = /\b(exports|module) is not defined\b/;

/** What to do about a module that was compiled to CommonJS. */
export const COMMONJS =
  'it was compiled to CommonJS; compile it to an ES module ("module": "nodenext" and ' +
  '"type": "module"), or serve the TypeScript itself';

function firstLine(error: unknown): string {
  return errorMessage(error).split("\n")[0]
    .replace(/ imported from \S*(load_handler|worker_start)\.[jt]s$/, ""); // of no help to anybody
}

const OURS = new URL("..", import.meta.url).href;
/** Whoever is below it in a stack has asked for the module, and is not in it. */
const LOADER = /\/load_handler\.[jt]s$/;
/** A line of a stack that is in a file: Bun writes its path, the others its URL. */
const IN_FILE = /^\s+at (?:async )?(?:.* \()?((?:file:\/\/|https?:\/\/|\/).*?)(:\d+:\d+)\)?$/;

/** The uppermost line of a stack that is in a module of the user's: its URL, line and column. */
export function usersPlace(runtime: Pick<Runtime, "fileUrl">, stack: unknown): string | null {
  if (typeof stack !== "string") return null;
  for (const line of stack.split("\n")) {
    const [, file, at] = IN_FILE.exec(line) ?? [];
    if (!file) continue;
    const url = file.startsWith("/") ? runtime.fileUrl(file).href : file;
    if (!url.startsWith(OURS)) return url + at;
    if (LOADER.test(url)) return null;
  }
  return null;
}
