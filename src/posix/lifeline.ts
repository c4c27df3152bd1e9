/**
 * A socket whose peer's end is this process's end: the kernel sends SIGKILL, even to a
 * process that is blocked in a call on something else (fcntl(2), F_SETSIG). Linux only.
 * @module
 */
import type { Libc } from "./libc.ts";

const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const O_ASYNC = 0o20000;
const SIGKILL = 9;

/** Nothing comes into it: the peer never writes. */
const byte = new Uint8Array(1);

/**
 * Ends this process when the other end of a socket pair is closed, of which nobody
 * may ever write.
 * @param pid this process's id
 * @returns false if it is closed already
 */
export function dieWithPeer(libc: Libc, socket: number, pid: number): boolean {
  const { fcntl } = libc.functions;
  fcntl(socket, F_SETOWN, pid);
  fcntl(socket, F_SETSIG, SIGKILL);
  fcntl(socket, F_SETFL, O_ASYNC);
  return libc.receive(socket, byte, libc.constants.MSG_DONTWAIT) === null;
}
