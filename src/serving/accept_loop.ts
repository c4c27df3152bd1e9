/**
 * Accept until closed, holding at most so many connections at once.
 * @module
 */
import { delay } from "../connection/delay.ts";
import { acceptErrorClass, errorCode } from "../connection/errors.ts";
import type { SocketConnection } from "../connection/socket_connection.ts";

/** How long to wait when descriptors or memory have run out. */
export const NO_ROOM_WAIT = 100;

/** Something that gives connections; an adapter's or a worker's listener. */
export interface ConnectionSource<T> {
  accept(): Promise<T | null>;
}

/**
 * Gives each connection to `serve`, which must not reject. Resolves when the
 * listener is closed; the connections it gave may still be open.
 * @param limit how many may be open before the next one is accepted
 * @param onNoRoom told of each failure that is waited out
 * @throws an error of `accept` that neither retrying nor waiting can mend
 */
export async function acceptLoop<T = SocketConnection>(
  listener: ConnectionSource<T>,
  limit: number,
  serve: (connection: T) => Promise<void>,
  onNoRoom: (code: string) => void,
): Promise<void> {
  let open = 0;
  let wake: (() => void) | null = null;
  for (;;) {
    if (open >= limit) await new Promise<void>((resolve) => wake = resolve);
    let connection;
    try {
      connection = await listener.accept();
    } catch (error) {
      const kind = acceptErrorClass(error);
      if (kind === "fatal") throw error;
      if (kind === "no room") {
        onNoRoom(errorCode(error)!);
        await delay(NO_ROOM_WAIT);
      }
      continue;
    }
    if (connection === null) return;
    open++;
    serve(connection).then(() => {
      open--;
      wake?.();
      wake = null;
    });
  }
}
