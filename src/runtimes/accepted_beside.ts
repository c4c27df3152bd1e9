/**
 * Clients that are accepted beside the one that libuv accepts in a turn of its loop (1.45
 * and later). Where thousands send, a turn takes long, and whoever comes would wait for as
 * many of them as there are others before.
 * @module
 */
import type { Socket as NetSocket } from "node:net";
import { adoptUnread } from "./node_socket.ts";
import { library } from "./own_library.ts";

/**
 * Milliseconds from which on a turn is long. In a shorter one libuv's is enough, and costs
 * less: to adopt a descriptor takes it ten system calls (Node 26.10).
 */
const LONG_TURN = 2;
/** Accepted in one turn; then the connections have theirs. */
const MOST = 63;

/** What is accepted beside the loop on one listening socket. */
export class AcceptedBeside {
  #last = 0;

  /**
   * To be called when the loop has accepted one: those who wait too, if its turn was long and
   * the C library can be had.
   * @param listening the listening socket; undefined where it is not told
   * @throws {SystemError} of accept(2)
   */
  *take(listening: number | undefined): Generator<NetSocket, void> {
    const now = performance.now();
    const isLong = now - this.#last > LONG_TURN;
    this.#last = now;
    const libc = isLong && listening !== undefined ? library() : null;
    for (let left = MOST; libc && left > 0; left--) {
      const accepted = libc.accept(listening!, true);
      if (accepted === null) return;
      const socket = adoptUnread(accepted.descriptor);
      if (accepted.remoteAddr.transport === "tcp") socket.setNoDelay(true);
      yield socket;
    }
  }
}
