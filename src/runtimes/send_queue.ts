/**
 * What is still on its way on sockets of the runtime's own event loop, where the C
 * library can be had: no runtime tells it. Asked for only where a connection breaks off.
 * @module
 */
import { delivered as deliveredOf } from "../posix/tcp_options.ts";
import { library } from "./loop_library.ts";

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
