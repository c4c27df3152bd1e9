/**
 * A connection that this process was started with, as its standard streams: inetd's way.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Libc } from "./libc.ts";
import { prepare } from "./listening_socket.ts";
import { decodeAddress, SOCKET_ADDRESS_SIZE } from "./socket_address.ts";

const O_RDWR = 2;
/** The first descriptor that is no standard stream. */
const FIRST = 3;
const [INPUT, OUTPUT, ERRORS] = [0, 1, 2];

/** A connection whose descriptor nobody else in this process has. */
export interface InheritedConnection {
  readonly descriptor: number;
  readonly localAddr: Address;
  /** The peer's; null where the kernel does not know it any more. */
  readonly remoteAddr: Address | null;
}

/**
 * Moves the connection that is descriptor 0 away from the standard streams, to a
 * descriptor that is closed on exec. Nothing that a handler prints, nor what it starts,
 * can come to it: standard input is empty, and standard output is standard error or, if that
 * was the connection too, nowhere.
 * @param same the descriptors that are the connection
 * @throws {SystemError} if it is no connection
 */
export function takeConnection(
  runtime: Runtime,
  libc: Libc,
  same: readonly number[],
): InheritedConnection {
  const c = libc.constants;
  if (libc.option(INPUT, c.SO_TYPE) !== c.SOCK_STREAM) {
    throw new SystemError("EPROTOTYPE", "it is no stream socket");
  }
  if (libc.option(INPUT, c.SO_ACCEPTCONN) !== 0) {
    throw new SystemError("EINVAL", "it listens, and is no connection");
  }
  const library = runtime.openLibrary({
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    dup2: { parameters: ["i32", "i32"], result: "i32" },
  });
  const { getpeername, dup2 } = library.functions;
  try {
    const localAddr = libc.localAddress(INPUT);
    const bytes = new Uint8Array(SOCKET_ADDRESS_SIZE);
    const length = new Uint32Array([SOCKET_ADDRESS_SIZE]);
    const known = getpeername(INPUT, bytes, new Uint8Array(length.buffer)) === 0;
    const remoteAddr = known ? decodeAddress(bytes, length[0], c) : null;

    const descriptor = libc.duplicate(INPUT, FIRST);
    // A socket, because Node takes it for one still, and aborts where it is none (26.10).
    const [empty, peer] = libc.socketPair();
    libc.close(peer);
    const nowhere = libc.openFile("/dev/null", O_RDWR);
    const printed = same.includes(ERRORS) ? nowhere : ERRORS;
    for (const each of same) {
      const target = each === OUTPUT ? printed : each === ERRORS ? nowhere : empty;
      libc.check("dup2", dup2(target, each));
      // A copy of the runtime's own is nobody else's.
      if (each > ERRORS) libc.closeOnExec(each);
    }
    libc.close(nowhere);
    libc.close(empty);
    prepare(libc, descriptor, localAddr);
    return { descriptor, localAddr, remoteAddr };
  } finally {
    library.close();
  }
}
