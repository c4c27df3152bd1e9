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

/** Where what stands in the one block of memory: a pointer's target must not move. */
const IOVEC = 56; // behind the struct msghdr
const CONTROL = IOVEC + 16;
const DATA = CONTROL + 16 + 4 * MOST;

/** Messages of one size over one socket, each with up to two descriptors. */
export class DescriptorPasser {
  readonly #libc: Libc;
  readonly #socket: number;
  readonly #size: number;
  readonly #block: bigint;

  /** @param size bytes of each message */
  constructor(libc: Libc, socket: number, size: number) {
    this.#libc = libc;
    this.#socket = socket;
    this.#size = size;
    this.#block = BigInt(libc.functions.malloc(BigInt(DATA + size)));
  }

  /**
   * Sends one, and does not wait.
   * @throws {SystemError} with EAGAIN if there is no room, EPIPE if nobody reads any more
   */
  send(message: Uint8Array, descriptors: readonly number[]): void {
    const block = this.#header(descriptors.length);
    const view = new DataView(block.buffer);
    view.setBigUint64(CONTROL, BigInt(16 + 4 * descriptors.length), true);
    view.setInt32(CONTROL + 8, SOL_SOCKET, true);
    view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
    descriptors.forEach((descriptor, i) => view.setInt32(CONTROL + 16 + 4 * i, descriptor, true));
    block.set(message, DATA);
    const { memcpy, sendmsg } = this.#libc.functions;
    memcpy(this.#block, block, BigInt(block.length));
    this.#libc.check("sendmsg", sendmsg(this.#socket, this.#block, MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  /** Waits for one, whose descriptors are close-on-exec; null at the end of the stream, or if it failed. */
  receive(): { readonly message: Uint8Array; readonly descriptors: number[] } | null {
    const block = this.#header(MOST);
    const size = BigInt(block.length);
    const { memcpy, memmove, recvmsg } = this.#libc.functions;
    let length: number;
    do {
      memcpy(this.#block, block, size);
      length = recvmsg(this.#socket, this.#block, MSG_CMSG_CLOEXEC);
    } while (length < 0 && this.#libc.wasInterrupted());
    if (length < this.#size) return null;
    memmove(block, this.#block, size);
    const view = new DataView(block.buffer);
    const passed = view.getUint32(40, true) > 0
      ? (Number(view.getBigUint64(CONTROL, true)) - 16) / 4
      : 0;
    const descriptors = Array.from(
      { length: passed },
      (_, i) => view.getInt32(CONTROL + 16 + 4 * i, true),
    );
    return { message: block.slice(DATA), descriptors };
  }

  /** Gives its memory back; the socket stays open. */
  close(): void {
    this.#libc.functions.free(this.#block);
  }

  /** The block, with a `struct msghdr` and a `struct iovec` that point into it. */
  #header(descriptors: number): Uint8Array {
    const block = new Uint8Array(DATA + this.#size);
    const view = new DataView(block.buffer);
    view.setBigUint64(16, this.#block + BigInt(IOVEC), true);
    view.setBigUint64(24, 1n, true);
    if (descriptors > 0) {
      view.setBigUint64(32, this.#block + BigInt(CONTROL), true);
      view.setBigUint64(40, BigInt(16 + 4 * descriptors), true);
    }
    view.setBigUint64(IOVEC, this.#block + BigInt(DATA), true);
    view.setBigUint64(IOVEC + 8, BigInt(this.#size), true);
    return block;
  }
}
