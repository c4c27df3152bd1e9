/**
 * Where Node keeps what it has compiled of modules for the next process (`NODE_COMPILE_CACHE`): a
 * worker starts in a third of the CPU time then (26.10; 10 threads that load one file).
 * @module
 */
import { userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { builtin } from "./builtin.ts";

/** What others may do, in a file's mode; and that they may write. */
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

let known: string | null | undefined;

/**
 * A folder that nobody but this user can get into, for what is in it is run: in the user's cache, as
 * `XDG_CACHE_HOME` has it. Node's own in the temporary directory would be whoever's has made it
 * first. Null if there is none, or the environment says where to, or not to.
 */
export function compileCache(): string | null {
  // Once, not for each worker: who the user is may be asked of another machine.
  return known === undefined ? known = ownFolder() : known;
}

function ownFolder(): string | null {
  const { XDG_CACHE_HOME, NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE } = process.env;
  if (NODE_COMPILE_CACHE !== undefined || NODE_DISABLE_COMPILE_CACHE !== undefined) return null;
  try {
    const cache = XDG_CACHE_HOME || join(userInfo().homedir, ".cache");
    const folder = join(cache, "trivet");
    builtin.fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isOwn(cache, OTHERS_WRITE) && isOwn(folder, OTHERS) ? folder : null;
  } catch {
    return null; // it starts all the same
  }
}

/** Whether it is this user's, and others may not do that. */
function isOwn(folder: string, others: number): boolean {
  const user = process.geteuid?.();
  const { uid, mode } = builtin.fs.lstatSync(folder);
  return user === undefined || (uid === user && (mode & others) === 0); // Windows has no modes
}

/** Has Node keep there what it compiles from here on. */
export function keepCompiled(): void {
  const folder = compileCache();
  if (folder !== null) builtin.module.enableCompileCache(folder);
}
