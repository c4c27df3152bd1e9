/**
 * To pass descriptors to another process, over a Unix-domain socket (unix(7), SCM_RIGHTS).
 * Linux only.
 * @module
 */
import type { Libc } from "./libc.ts";

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** The most descriptors that go with one message. */
const MOST = 2;

/**
 * Words of the one block that each call is given: a struct msghdr (recvmsg(2)), the struct iovec to
 * which it points, and what comes with the message (cmsg(3)).
 */
const IOV = 4;
const IOVLEN = 6;
const CONTROL = 8;
const CONTROLLEN = 10;
const IOV_BASE = 14;
const IOV_LEN = 16;
const CMSG_LEN = 18;
const CMSG_LEVEL = 20;
const CMSG_TYPE = 21;
const PASSED = 22;
const DATA = PASSED + MOST;

/** Bytes of what comes with a message (CMSG_LEN). */
function cmsgLength(descriptors: number): number {
  return 16 + 4 * descriptors;
}

/** Messages of so many words over one socket, each with up to two descriptors. */
export class DescriptorPasser {
  /** The message that was sent or received last. */
  readonly message: Uint32Array;
  /** The descriptors that went with it are its first. */
  readonly descriptors: Int32Array;
  readonly #libc: Libc;
  readonly #socket: number;
  readonly #block: Int32Array;
  readonly #address: bigint;

  /** @param words of each message */
  constructor(libc: Libc, socket: number, words: number) {
    this.#libc = libc;
    this.#socket = socket;
    const buffer = new ArrayBuffer(4 * (DATA + words));
    this.#block = new Int32Array(buffer);
    this.message = new Uint32Array(buffer, 4 * DATA);
    this.descriptors = this.#block.subarray(PASSED, DATA);
    this.#address = libc.addressOf(new Uint8Array(buffer));
    this.#point(IOV, IOV_BASE);
    this.#block[IOVLEN] = 1;
    this.#point(CONTROL, CMSG_LEN);
    this.#point(IOV_BASE, DATA);
    this.#block[IOV_LEN] = this.message.byteLength;
  }

  /**
   * Sends one, and does not wait.
   * @throws {SystemError} with EAGAIN if there is no room, EPIPE if nobody reads any more
   */
  send(message: readonly number[], descriptors: readonly number[]): void {
    const { length } = descriptors;
    this.#block[CONTROLLEN] = length > 0 ? cmsgLength(length) : 0;
    this.#block[CMSG_LEN] = cmsgLength(length);
    this.#block[CMSG_LEVEL] = SOL_SOCKET;
    this.#block[CMSG_TYPE] = SCM_RIGHTS;
    this.descriptors.set(descriptors);
    this.message.set(message);
    const { sendmsg } = this.#libc.functions;
    this.#libc.check("sendmsg", sendmsg(this.#socket, this.#address, MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  /**
   * Waits for one, whose descriptors are close-on-exec: how many they are; null at the end of the
   * stream, or if it failed.
   */
  receive(): number | null {
    const block = this.#block;
    const { recvmsg } = this.#libc.functions;
    let length: number;
    do {
      block[CONTROLLEN] = cmsgLength(MOST);
      length = recvmsg(this.#socket, this.#address, MSG_CMSG_CLOEXEC);
    } while (length < 0 && this.#libc.wasInterrupted());
    if (length < block[IOV_LEN]) return null;
    return block[CONTROLLEN] > 0 ? (block[CMSG_LEN] - cmsgLength(0)) / 4 : 0;
  }

  #point(from: number, to: number): void {
    new BigInt64Array(this.#block.buffer, 4 * from)[0] = this.#address + BigInt(4 * to);
  }
}
