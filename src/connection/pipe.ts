/**
 * Everything from one connection to another.
 * @module
 */
import type { Connection } from "./connection.ts";
import { SystemError } from "./errors.ts";
import { nextSize } from "./growing_buffer.ts";
import { SocketConnection } from "./socket_connection.ts";

/**
 * Passes on what comes on `from`, and its end: FIN as FIN, a reset as a reset. It reads
 * no more than `to` takes. When `to` takes nothing any more, `from` is reset. A timeout
 * or a shutdown that ends `from` is passed on at once, though `to` may take nothing just
 * then; a reset of its peer too, where `context.gone` was asked for. Resolves after FIN;
 * the other direction goes on.
 * @throws the error with which one of them failed, when both are reset
 * @throws {SystemError} with `ENOTSUP` in a blocking handler, which waits for one
 * connection only; it may pipe that to itself
 */
export async function pipe(from: Connection, to: Connection): Promise<void> {
  if (from !== to && (isBlocking(from) || isBlocking(to))) {
    throw new SystemError(
      "ENOTSUP",
      "A blocking handler cannot pipe two connections: take `blocking` out of its module",
    );
  }
  let buffer = new Uint8Array(nextSize(null, 0));
  let broken: Error | null = null;
  const own = from instanceof SocketConnection ? from : null;
  if (own) {
    own.onBroken = (why) => {
      broken ??= why;
      end(to); // a write may wait there for ever
    };
  }
  try {
    for (let length; (length = await from.read(buffer)) !== null;) {
      await to.write(length === buffer.length ? buffer : buffer.subarray(0, length));
      const size = nextSize(buffer, length);
      if (size !== buffer.length) buffer = new Uint8Array(size);
    }
    if (own) own.onBroken = null;
    await to.closeWrite();
  } catch (error) {
    if (own) own.onBroken = null;
    end(from);
    end(to);
    throw broken ?? error;
  }
}

function isBlocking(connection: Connection & { readonly isBlocking?: boolean }): boolean {
  return connection.isBlocking === true;
}

function end(connection: Connection): void {
  try {
    connection.reset();
  } catch {
    // It could only be closed.
  }
}
