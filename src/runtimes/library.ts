/**
 * Where the C library is.
 * @module
 */
import { SystemError } from "../connection/errors.ts";

/**
 * Opens the C library under the first of its names that there is.
 * @throws what `open` threw last
 */
export function openFirst<T>(os: string, arch: string, open: (name: string) => T): T {
  const musl = { x64: "x86_64", arm64: "aarch64" }[arch] ?? arch;
  const names = os === "linux"
    ? ["libc.so.6", `libc.musl-${musl}.so.1`, "libc.so"]
    : os === "darwin"
    ? ["libSystem.B.dylib"]
    : [];
  let last: unknown = new SystemError("ENOSYS", `No C library is known on ${os}`);
  for (const name of names) {
    try {
      return open(name);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** Whether an address is one, and neither null nor the -1 with which mmap(2) fails. */
export function isMapped(address: unknown): boolean {
  const number = Number(address);
  return number > 0 && number < 2 ** 63;
}
