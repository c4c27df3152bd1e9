/**
 * Clients that are accepted beside the one that libuv accepts in a turn of its loop (1.45
 * and later). Where thousands send, a turn takes long, and whoever comes would wait for as
 * many of them as there are others before.
 * @module
 */
import type { Socket as NetSocket } from "node:net";
import { acceptError } from "../connection/errors.ts";
import type { Libc } from "../posix/libc.ts";
import { library } from "./loop_library.ts";
import { adoptUnread } from "./node_socket.ts";

/**
 * Milliseconds after which the loop comes back late to a listening socket. Before, its own
 * accept is enough, and costs less: to adopt a descriptor takes ten system calls (Node 26.10).
 */
const LATE = 2;
/** Accepted in one turn; then the connections have theirs. */
const MOST = 63;

/** What is accepted beside the loop on one listening socket. */
export class AcceptedBeside {
  #last = 0;

  /**
   * To be called when the loop has accepted one. If that was late, and the C library can be
   * had, it gives those who wait too.
   * @param listening the listening socket; undefined where it is not told
   * @param fail is told of an error of `accept`, which ends it for this turn
   */
  accept(
    listening: number | undefined,
    give: (socket: NetSocket) => void,
    fail: (error: Error) => void,
  ): void {
    const isLate = performance.now() - this.#last > LATE;
    const libc = isLate && listening !== undefined ? library() : null;
    // Without accept4 (macOS) what a handler starts would inherit them.
    for (let left = libc?.functions.accept4 ? MOST : 0; left > 0; left--) {
      let socket;
      try {
        socket = next(libc!, listening!);
      } catch (error) {
        fail(error as Error);
        break;
      }
      if (socket === null) break;
      give(socket);
    }
    this.#last = performance.now();
  }
}

/** @throws {SystemError} */
function next(libc: Libc, listening: number): NetSocket | null {
  const accepted = libc.accept(listening, true);
  if (accepted === null) return null;
  try {
    return adoptUnread(accepted.descriptor);
  } catch (error) {
    libc.close(accepted.descriptor);
    throw acceptError(error);
  }
}
