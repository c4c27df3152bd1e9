/**
 * What Linux can be told, and tells, of one TCP connection, see tcp(7).
 * @module
 */
import { IPPROTO_TCP, type Libc } from "./libc.ts";

const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;
/** `tcpi_bytes_acked` of TCP_INFO. */
const BYTES_ACKED = 120;

/** When a silent peer is asked whether it is still there. Seconds. */
export interface KeepAliveTimes {
  /** Of silence, before it is asked. */
  readonly idle: number;
  /** Between two questions. */
  readonly interval: number;
  /** How many questions, before it is given up. */
  readonly count: number;
}

/**
 * Sets these times, and that a peer which acknowledges nothing of what was written is given
 * up as soon; of a listening socket for what it accepts.
 * @throws {SystemError} if the kernel does not take them
 */
export function setKeepAlive(
  libc: Libc,
  descriptor: number,
  { idle, interval, count }: KeepAliveTimes,
): void {
  libc.keepAlive(descriptor);
  const longest = Math.min(1000 * (idle + interval * count), 2 ** 31 - 1);
  for (
    const [option, value] of [
      [TCP_KEEPIDLE, idle],
      [TCP_KEEPINTVL, interval],
      [TCP_KEEPCNT, count],
      [TCP_USER_TIMEOUT, longest],
    ]
  ) {
    libc.setOption(descriptor, IPPROTO_TCP, option, value);
  }
}

/**
 * How many written bytes the peer's kernel has acknowledged; null where that is not told,
 * as of a Unix socket.
 */
export function delivered({ functions, constants }: Libc, descriptor: number): number | null {
  if (constants.TCP_INFO === 0) return null;
  const info = new Uint8Array(BYTES_ACKED + 8);
  const length = new Uint32Array([info.length]);
  const lengthBytes = new Uint8Array(length.buffer);
  const { TCP_INFO } = constants;
  const failed = functions.getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, lengthBytes) < 0;
  if (failed || length[0] < info.length) return null;
  return Number(new DataView(info.buffer).getBigUint64(BYTES_ACKED, true));
}
