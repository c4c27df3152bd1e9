/**
 * The service manager's socket, by the protocol of sd_notify(3): one datagram for each
 * thing that is told.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import { Libc } from "./libc.ts";
import { encodeAddress } from "./socket_address.ts";

/** The same on Linux and macOS. */
const SOCK_DGRAM = 2;

/** One end of it, open from the start: a server without a free descriptor still answers a watchdog. */
export class NotifySocket {
  readonly #libc: Libc;
  readonly #address: Uint8Array;
  readonly #descriptor: number;

  /**
   * @param place NOTIFY_SOCKET's value: `/path`, or `@name` of an abstract one
   * @throws {SystemError} if it is neither, or no C library can be opened
   */
  constructor(runtime: Runtime, place: string) {
    if (!/^[/@]./.test(place)) {
      throw new SystemError("EAFNOSUPPORT", "it is neither a path nor an abstract name");
    }
    const libc = this.#libc = new Libc(runtime);
    try {
      const bytes = encodeAddress({ transport: "unix", path: place }, libc.constants);
      // An abstract name begins with a NUL and ends where the address does, see unix(7).
      this.#address = place.startsWith("@") ? bytes.fill(0, 2, 3).subarray(0, -1) : bytes;
      const { AF_UNIX, SOCK_CLOEXEC } = libc.constants;
      const { socket } = libc.functions;
      this.#descriptor = libc.check("socket", socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    } catch (error) {
      libc.unload();
      throw error;
    }
  }

  /**
   * Sends one datagram; false if the manager reads too slowly to take it now.
   * @throws {SystemError} if nobody is there
   */
  send(text: string): boolean {
    const libc = this.#libc;
    const { connect } = libc.functions;
    // Each time, because a manager that was started anew has another socket of the same name.
    libc.check("connect", connect(this.#descriptor, this.#address, this.#address.length));
    const { MSG_DONTWAIT } = libc.constants;
    return libc.send(this.#descriptor, new TextEncoder().encode(text), MSG_DONTWAIT) !== null;
  }

  /** Closes this end. */
  close(): void {
    this.#libc.close(this.#descriptor);
    this.#libc.unload();
  }
}
