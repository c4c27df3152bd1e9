/**
 * The folder that this process is in: by which path it came there, and whether it
 * is still there.
 * @module
 */
import { errorCode } from "../connection/errors.ts";
import { builtin } from "./builtin.ts";

/**
 * Whether it has been removed. Deno cannot start a process or a thread there, and
 * Node no thread (2.9, 26.10).
 */
export function folderIsGone(): boolean {
  const { fs, process } = builtin;
  try {
    process.cwd(); // Deno asks the system, for which it needs no permission
    return process.versions.deno === undefined && fs.statSync(".").nlink === 0;
  } catch (error) {
    return errorCode(error) === "ENOENT";
  }
}

/** Where a worker is when the folder that it should be in is gone. */
export const ROOT = "/";

/**
 * A file's URL. A relative path is relative to the folder that the shell names, if
 * that is the same file: where it came there by a link, the link may lead to a newer
 * release later, and what the system tells is where it led to first.
 * @param shells the shell's name of the current folder, PWD
 */
export function fileUrl(path: string, shells: string | undefined): URL {
  const { fs, url } = builtin;
  const bySystem = url.pathToFileURL(path);
  if (shells === undefined || path.startsWith("/")) return bySystem;
  const byShell = url.pathToFileURL(`${shells}/${path}`);
  try {
    const [one, other] = [fs.statSync(byShell), fs.statSync(bySystem)];
    if (one.ino === other.ino && one.dev === other.dev) return byShell;
  } catch {
    // It is not there, or may not be looked at: whoever reads it tells.
  }
  return bySystem;
}
