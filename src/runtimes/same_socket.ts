/**
 * Which descriptors of this process are one open socket.
 * @module
 */
import { builtin } from "./builtin.ts";

/** Also on Linux, where it leads to /proc/self/fd. */
const FOLDER = "/dev/fd";

/** The socket's identity; null for what is none, or not open any more. */
function socketOf(descriptor: number | string): string | null {
  try {
    const stat = builtin.fs.statSync(`${FOLDER}/${descriptor}`, { bigint: true });
    return stat.isSocket() ? `${stat.dev} ${stat.ino}` : null;
  } catch {
    return null;
  }
}

/**
 * The descriptors that are the same socket as this one, which is among them; none if it
 * is no socket. A runtime may have copied its standard streams, as Deno does (2.9).
 */
export function sameSocket(descriptor: number): number[] {
  const socket = socketOf(descriptor);
  if (socket === null) return [];
  const all = builtin.fs.readdirSync(FOLDER);
  return all.filter((name) => socketOf(name) === socket).map(Number);
}
