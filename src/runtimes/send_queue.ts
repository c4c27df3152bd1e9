/**
 * What is still on its way on sockets of the runtime's own event loop, where the C
 * library can be had: no runtime tells it. Asked for only where a connection breaks off.
 * @module
 */
import { Libc } from "../posix/libc.ts";
import { delivered as deliveredOf } from "../posix/tcp_options.ts";
import type { Runtime } from "../runtime.ts";

let library: () => Libc | null = () => null;

/** Lets this thread open the C library of the runtime when it is needed. */
export function allowLibrary(runtime: Runtime): void {
  let libc: Libc | null | undefined;
  library = () => libc ??= runtime.libraryRefusal() === null ? new Libc(runtime) : null;
}

/**
 * How many bytes of a socket the peer's kernel has not acknowledged; null where that
 * cannot be told. Of one that is closed it is 0.
 */
export function unacknowledged(descriptor: number | undefined): number | null {
  if (descriptor === undefined) return null;
  return descriptor < 0 ? 0 : library()?.unacknowledged(descriptor) ?? null;
}

/** How many written bytes the peer's kernel has acknowledged; null where that cannot be told. */
export function delivered(descriptor: number | undefined): number | null {
  const libc = descriptor === undefined || descriptor < 0 ? null : library();
  return libc && deliveredOf(libc, descriptor!);
}
