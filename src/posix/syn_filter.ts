/**
 * At shutdown: whoever waits in the kernel's queue is let in, whoever comes
 * later is not. A socket filter (bpf(4)) drops each SYN.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { Libc } from "./libc.ts";

/** Over a TCP header: SYN alone is dropped, all else passes. */
const DROP_SYN = filter(
  [0x30, 0, 0, 13], // the byte with the flags
  [0x54, 0, 0, 0x12], // SYN and ACK of them
  [0x15, 0, 1, 0x02], // SYN alone?
  [0x06, 0, 0, 0],
  [0x06, 0, 0, 0xffffffff],
);

/** `struct sock_filter` for each: code, jump if true, jump if false, operand. */
function filter(...instructions: [number, number, number, number][]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * instructions.length));
  instructions.forEach(([code, ifTrue, ifFalse, operand], i) => {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, ifTrue);
    view.setUint8(8 * i + 3, ifFalse);
    view.setUint32(8 * i + 4, operand, true);
  });
  return new Uint8Array(view.buffer);
}

/**
 * Whoever waits in a listening TCP socket's queue stays there; nobody else comes,
 * because the kernel forgets every SYN. A client sends it again after a second,
 * and is refused when nobody listens any more. Nothing happens where sockets
 * have no filters, or for another kind of socket.
 */
export function dropNewcomers(libc: Libc, listening: number): void {
  const { SO_ATTACH_FILTER, SOL_SOCKET } = libc.constants;
  if (SO_ATTACH_FILTER === 0 || libc.localAddress(listening).transport === "unix") return;
  const program = new DataView(new ArrayBuffer(16)); // struct sock_fprog
  program.setUint16(0, DROP_SYN.length / 8, true);
  program.setBigUint64(8, libc.addressOf(DROP_SYN), true);
  // Some kernels let only root do it (EPERM): then it is as without a filter.
  const { setsockopt } = libc.functions;
  setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(program.buffer), 16);
}

/**
 * The same for a listener of the runtime's own, where its descriptor is told and
 * a C library can be opened: whoever comes later is refused when the listener is
 * closed, instead of being reset.
 */
export function refuseNewcomers(runtime: Runtime, descriptor: number | undefined): void {
  if (descriptor === undefined || runtime.libraryRefusal() !== null) return;
  const libc = new Libc(runtime);
  try {
    dropNewcomers(libc, descriptor);
  } finally {
    libc.unload();
  }
}
