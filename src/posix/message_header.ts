/**
 * A `struct msghdr` (sendmsg(2)) over pieces of memory that JavaScript holds. Linux only.
 * @module
 */
import type { LibcBase } from "./libc_base.ts";

/** The most pieces: more are left for another call. */
const MOST = 64;
/** Where the array of `struct iovec` begins, behind the `struct msghdr`. */
const IOVEC = 56;

/** One, used again and again. */
export class MessageHeader {
  readonly #libc: LibcBase;
  // Of more than 64 bytes V8 never moves an array; nor does JavaScriptCore any.
  readonly #block = new Uint8Array(new ArrayBuffer(IOVEC + 16 * MOST));
  readonly #words = new BigUint64Array(this.#block.buffer, 0, this.#block.length / 8);
  readonly #address: bigint;

  constructor(libc: LibcBase) {
    this.#libc = libc;
    this.#address = libc.addressOf(this.#block);
    this.#words[2] = this.#address + BigInt(IOVEC);
  }

  /** Its address; each piece has a buffer of its own, and stays where it is until the call has returned. */
  of(pieces: readonly Uint8Array[]): bigint {
    const count = Math.min(pieces.length, MOST);
    this.#words[3] = BigInt(count);
    for (let i = 0; i < count; i++) {
      const at = IOVEC / 8 + 2 * i;
      this.#words[at] = this.#libc.addressOf(pieces[i]);
      this.#words[at + 1] = BigInt(pieces[i].length);
    }
    return this.#address;
  }
}
