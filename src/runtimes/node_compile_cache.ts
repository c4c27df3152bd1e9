/**
 * Where Node keeps what it has compiled of modules for the next process (`NODE_COMPILE_CACHE`): a
 * worker starts in a third of the CPU time then (26.10; 10 threads that load one file).
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { builtin } from "./builtin.ts";

/** Whether anybody but its owner may write there, in a file's mode. */
const OTHERS_WRITE = 0o022;

/**
 * A folder that only this user can write to, for what is in it is run; null if there is none.
 * Node's own would be whoever's has made it first.
 */
export function compileCache(): string | null {
  const user = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `trivet-compiled-${user}`);
  try {
    builtin.fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { mode, uid } = builtin.fs.lstatSync(folder);
    return uid === user && (mode & OTHERS_WRITE) === 0 ? folder : null;
  } catch {
    return null; // it starts all the same
  }
}

/** Has Node keep there what it compiles from here on. */
export function keepCompiled(): void {
  const folder = compileCache();
  if (folder !== null) builtin.module.enableCompileCache(folder);
}
