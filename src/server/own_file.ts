/**
 * The file of a Unix socket that a server has made, and only that one.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { Files } from "../runtime.ts";

/** The file of the address, if it has one. */
export class OwnFile {
  readonly #files: Pick<Files, "socketFile" | "removeFile">;
  #file: { readonly path: string; readonly inode: number } | null = null;

  /** Remembers which file it is. */
  constructor(files: Pick<Files, "socketFile" | "removeFile">, address: Address) {
    this.#files = files;
    if (address.transport !== "unix") return;
    try {
      const file = files.socketFile(address.path);
      if (typeof file === "object") this.#file = { path: address.path, inode: file.inode };
    } catch {
      // It may not be looked at: then it stays, and the next server replaces it.
    }
  }

  /** Removes it, unless another server has taken the path. */
  remove(): void {
    if (!this.#file) return;
    const { path, inode } = this.#file;
    this.#file = null;
    try {
      const now = this.#files.socketFile(path);
      if (typeof now === "object" && now.inode === inode) this.#files.removeFile(path);
    } catch {
      // The file stays: it may not be removed, and the next server replaces it.
    }
  }
}
