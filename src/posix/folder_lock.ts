/**
 * A lock on a folder, for what only one process may do there at a time.
 * @module
 */
import { delay } from "../connection/delay.ts";
import type { Runtime } from "../runtime.ts";
import { Libc } from "./libc.ts";

/** Milliseconds between two looks whether the lock is free. */
const INTERVAL = 10;
/** Then whoever has it stands still, and must not stop everybody else. */
const MOST_LOOKS = 500;

/**
 * Locks the folder that a file is in, by flock(2): the kernel frees it when its owner
 * has ended, however that was, and nothing is left behind. Nothing is locked where no C
 * library can be opened, the folder may not be read, or its file system has no locks.
 * @returns what unlocks it
 */
export async function lockFolderOf(runtime: Runtime, path: string): Promise<() => void> {
  if (runtime.libraryRefusal() !== null) return () => {};
  const libc = new Libc(runtime);
  let descriptor = -1;
  try {
    descriptor = libc.openFile(path.slice(0, path.lastIndexOf("/") + 1) || ".");
    for (let looks = 0; !libc.lock(descriptor) && looks < MOST_LOOKS; looks++) {
      await delay(INTERVAL);
    }
  } catch {
    // It cannot be locked, see above; if the folder is not there, whoever binds tells.
  }
  return () => {
    if (descriptor >= 0) libc.close(descriptor);
    libc.unload();
  };
}
