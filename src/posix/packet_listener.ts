/**
 * A listening Unix-domain socket without a name in the file system, on which each read
 * gives what one write has sent (unix(7), SOCK_SEQPACKET). Linux only.
 * @module
 */
import type { Libc } from "./libc.ts";

const SOCK_SEQPACKET = 5;
/** The family is the first word of an address. */
const FAMILY_SIZE = 2;
/** Family and path, as getsockname(2) gives them. */
const ADDRESS_SIZE = 110;

/** It listens, and connects to itself. */
export class PacketListener {
  /** The listening socket. */
  readonly descriptor: number;
  readonly #libc: Libc;

  /** @throws {SystemError} if no descriptor is free */
  constructor(libc: Libc) {
    const { bind, listen } = libc.functions;
    this.#libc = libc;
    this.descriptor = this.#socket();
    // With the family alone, the kernel finds a name that nobody has.
    const family = Uint8Array.of(libc.constants.AF_UNIX, 0);
    libc.check("bind", bind(this.descriptor, family, FAMILY_SIZE));
    libc.check("listen", listen(this.descriptor, 8));
  }

  /** A socket that is connected to this one, and waits to be accepted. */
  connect(): number {
    const { getsockname, connect } = this.#libc.functions;
    const address = new Uint8Array(ADDRESS_SIZE);
    const length = new Uint32Array([ADDRESS_SIZE]);
    const bytes = new Uint8Array(length.buffer);
    this.#libc.check("getsockname", getsockname(this.descriptor, address, bytes));
    const client = this.#socket();
    this.#libc.check("connect", connect(client, address, length[0]));
    return client;
  }

  #socket(): number {
    const { AF_UNIX, SOCK_CLOEXEC } = this.#libc.constants;
    const { socket } = this.#libc.functions;
    return this.#libc.check("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  }
}
