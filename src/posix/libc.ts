/**
 * The system calls on sockets and descriptors, each once: after EINTR a call is
 * made again, a failure is a {@linkcode SystemError} with the POSIX name.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import { LibcBase } from "./libc_base.ts";
import { MessageHeader } from "./message_header.ts";
import { decodeAddress, encodeAddress, SOCKET_ADDRESS_SIZE } from "./socket_address.ts";

/** The level of TCP's socket options, the same on every system. */
export const IPPROTO_TCP = 6;
/** `tcpi_state`, the first byte of TCP_INFO. */
const TCP_CLOSE = 7;
const TCP_INFO_SIZE = 28;
const TCP_INFO_UNACKED = 24;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const POLLIN = 1;
/** The only one, and at once or not at all. */
const LOCK_EX_NB = 2 | 4;

/** A descriptor that `accept` gave, and the address of its peer. */
export interface Accepted {
  readonly descriptor: number;
  readonly remoteAddr: Address;
  /** Which of several listening sockets it came to. */
  readonly listener: number;
}

/** A `struct linger`, each. */
const FIN = new Uint8Array(8);
const RESET = new Uint8Array(new Int32Array([1, 0]).buffer);
/** AF_UNSPEC: to connect to it is to disconnect, see connect(2). */
const UNSPECIFIED = new Uint8Array(16);

/** The calls. A call that fails throws a {@linkcode SystemError}, unless its comment says otherwise. */
export class Libc extends LibcBase {
  readonly #address = new Uint8Array(SOCKET_ADDRESS_SIZE);
  readonly #length = new Uint32Array(1);
  readonly #lengthBytes = new Uint8Array(this.#length.buffer);
  /** A `struct timeval`: seconds and microseconds, of 64 bits each. */
  readonly #timeval = new Int32Array(4);
  readonly #timevalBytes = new Uint8Array(this.#timeval.buffer);
  #header: MessageHeader | null = null;

  /**
   * A nonblocking socket on its way to the address, whose `hostname` must be
   * numeric. When there is room to write, {@linkcode connectFailure} tells more.
   */
  startConnect(address: Address): number {
    const c = this.constants;
    const encoded = encodeAddress(address, c);
    const descriptor = this.stream(address, c.SOCK_NONBLOCK);
    try {
      if (address.transport === "tcp") this.noDelay(descriptor);
      if (this.functions.connect(descriptor, encoded, encoded.length) < 0) {
        const code = this.errorName();
        // A connect that a signal interrupts goes on as well, see connect(2).
        if (code !== "EINPROGRESS" && code !== "EINTR") {
          throw new SystemError(code, `connect failed: ${code}`);
        }
      }
      return descriptor;
    } catch (error) {
      this.close(descriptor);
      throw error;
    }
  }

  /** Why a connect that is over failed, as a POSIX name; null if it did not fail. */
  connectFailure(descriptor: number): string | null {
    const number = this.option(descriptor, this.constants.SO_ERROR);
    return number === 0 ? null : this.errorName(number);
  }

  /**
   * Whether close(2) of a TCP socket, and the end of its process, sends FIN after what was
   * written, or RST at once, see socket(7).
   */
  endBy(descriptor: number, what: "FIN" | "reset"): void {
    const c = this.constants;
    const linger = what === "reset" ? RESET : FIN;
    this.functions.setsockopt(descriptor, c.SOL_SOCKET, c.SO_LINGER, linger, linger.length);
  }

  /**
   * How many written bytes the peer's kernel has not acknowledged, see tcp(7); 0 where
   * the system does not tell. Of a Unix socket it is about what the peer has not read.
   */
  unacknowledged(descriptor: number): number {
    if (this.constants.SIOCOUTQ === 0) return 0;
    const value = new Int32Array(1);
    const bytes = new Uint8Array(value.buffer);
    const failed = this.functions.ioctl(descriptor, this.constants.SIOCOUTQ, bytes) < 0;
    // After a reset it stays as it was.
    return failed || value[0] > 0 && this.#isOver(descriptor) ? 0 : value[0];
  }

  /** Whether a TCP connection is over, in both directions. */
  #isOver(descriptor: number): boolean {
    const state = new Uint8Array(1);
    this.#length[0] = 1;
    const { getsockopt } = this.functions;
    const { TCP_INFO } = this.constants;
    const failed = getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, state, this.#lengthBytes) < 0;
    return !failed && state[0] === TCP_CLOSE;
  }

  /** Ends a TCP connection by RST, also where a thread waits in a call on it; false if it cannot. */
  disconnect(descriptor: number): boolean {
    return this.functions.connect(descriptor, UNSPECIFIED, UNSPECIFIED.length) === 0;
  }

  /** Asks a peer that is silent for hours whether it is still there, see tcp(7). */
  keepAlive(descriptor: number): void {
    this.setOption(descriptor, this.constants.SOL_SOCKET, this.constants.SO_KEEPALIVE, 1);
  }

  /** What is written goes out at once, see tcp(7). */
  noDelay(descriptor: number): void {
    this.setOption(descriptor, IPPROTO_TCP, this.constants.TCP_NODELAY, 1);
  }

  /** An option of a socket that is an integer. */
  option(descriptor: number, name: number): number {
    const value = new Int32Array(1);
    this.#length[0] = 4;
    const bytes = new Uint8Array(value.buffer);
    const length = this.#lengthBytes;
    const { getsockopt } = this.functions;
    const { SOL_SOCKET } = this.constants;
    this.check("getsockopt", getsockopt(descriptor, SOL_SOCKET, name, bytes, length));
    return value[0];
  }

  /** Two connected Unix-domain stream sockets. */
  socketPair(): [number, number] {
    const c = this.constants;
    const pair = new Int32Array(2);
    const type = c.SOCK_STREAM | c.SOCK_CLOEXEC;
    const { socketpair } = this.functions;
    this.check("socketpair", socketpair(c.AF_UNIX, type, 0, new Uint8Array(pair.buffer)));
    return [pair[0], pair[1]];
  }

  /**
   * The next connection, close-on-exec; null if nobody comes, within the socket's
   * timeout or, where it is nonblocking, at once.
   * @param nonblocking whether calls on the new connection are
   * @param listener which of several listening sockets this is
   * @param once as for `receive`
   */
  accept(listening: number, nonblocking: boolean, listener = 0, once = false): Accepted | null {
    const c = this.constants;
    const { accept4, accept } = this.functions;
    const flags = c.SOCK_CLOEXEC | (nonblocking ? c.SOCK_NONBLOCK : 0);
    const length = this.#lengthBytes;
    for (;;) {
      this.#length[0] = SOCKET_ADDRESS_SIZE;
      const descriptor: number = accept4
        ? accept4(listening, this.#address, length, flags)
        : accept(listening, this.#address, length);
      if (descriptor >= 0) {
        const remoteAddr = decodeAddress(this.#address, this.#length[0], c);
        return { descriptor, remoteAddr, listener };
      }
      if (this.wouldBlock("accept") || once) return null;
    }
  }

  /**
   * The address of this end of what a listener accepted: the listener's own,
   * unless that stands for any address.
   */
  acceptedAddress(descriptor: number, listener: Address): Address {
    const any = listener.transport === "tcp" && /^(::ffff:)?[0:.]+$/.test(listener.hostname);
    return any ? this.localAddress(descriptor) : listener;
  }

  /** A socket's own address. */
  localAddress(descriptor: number): Address {
    this.#length[0] = SOCKET_ADDRESS_SIZE;
    const { getsockname } = this.functions;
    this.check("getsockname", getsockname(descriptor, this.#address, this.#lengthBytes));
    return decodeAddress(this.#address, this.#length[0], this.constants);
  }

  /**
   * recv(2): how many bytes, 0 at the end of the stream; null if nothing comes,
   * within the socket's timeout or, where the call is nonblocking, at once.
   * @param once whether it is null also after EINTR: made again, a call has all its time again
   */
  receive(descriptor: number, buffer: Uint8Array, flags = 0, once = false): number | null {
    for (;;) {
      const length: number = this.functions.recv(descriptor, buffer, buffer.length, flags);
      if (length >= 0) return length;
      if (this.wouldBlock("recv") || once) return null;
    }
  }

  /**
   * send(2) without SIGPIPE: how many bytes the kernel took; null if it had no
   * room, within the socket's timeout or, where the call is nonblocking, at once.
   */
  send(descriptor: number, bytes: Uint8Array, flags = 0, once = false): number | null {
    const all = flags | this.constants.MSG_NOSIGNAL;
    for (;;) {
      const length: number = this.functions.send(descriptor, bytes, bytes.length, all);
      if (length >= 0) return length;
      if (this.wouldBlock("send") || once) return null;
    }
  }

  /**
   * As `send`, of several pieces in one call, in their order; 0 where there is no such
   * call. Each has more than 64 bytes or a buffer that was made for it.
   */
  sendPieces(descriptor: number, pieces: readonly Uint8Array[], once = false): number | null {
    const { sendmsg } = this.functions;
    if (!sendmsg) return 0;
    const header = this.#header ??= new MessageHeader(this);
    for (;;) {
      const length: number = sendmsg(descriptor, header.of(pieces), this.constants.MSG_NOSIGNAL);
      if (length >= 0) return length;
      if (this.wouldBlock("sendmsg") || once) return null;
    }
  }

  /** shutdown(2) of the write side, or of both sides; false if it failed. */
  shutdown(descriptor: number, how: "write" | "both"): boolean {
    return this.functions.shutdown(descriptor, how === "write" ? 1 : 2) === 0;
  }

  /**
   * How many clients wait in a listening TCP socket's queue, or null where the
   * system does not tell: Linux gives it as `tcpi_unacked` of tcp(7)'s TCP_INFO.
   */
  queueLength(listening: number): number | null {
    if (this.constants.TCP_INFO === 0) return null;
    const info = new Uint8Array(TCP_INFO_SIZE);
    this.#length[0] = TCP_INFO_SIZE;
    const length = this.#lengthBytes;
    const { getsockopt } = this.functions;
    const failed = getsockopt(listening, IPPROTO_TCP, this.constants.TCP_INFO, info, length) < 0;
    return failed ? null : new DataView(info.buffer).getUint32(TCP_INFO_UNACKED, true);
  }

  /** How long a blocking call on the socket may take, see socket(7); 0: any time. */
  setTimeout(descriptor: number, option: "receive" | "send", milliseconds: number): void {
    const c = this.constants;
    this.#timeval[0] = Math.floor(milliseconds / 1000);
    this.#timeval[2] = (milliseconds % 1000) * 1000;
    const name = option === "receive" ? c.SO_RCVTIMEO : c.SO_SNDTIMEO;
    const { setsockopt } = this.functions;
    this.check("setsockopt", setsockopt(descriptor, c.SOL_SOCKET, name, this.#timevalBytes, 16));
  }

  /** Waits until one of them has something to read or accept; false if none had in time. */
  waitReadable(descriptors: readonly number[], milliseconds: number): boolean {
    const polled = new Int32Array(descriptors.flatMap((descriptor) => [descriptor, POLLIN]));
    return this.functions.poll(new Uint8Array(polled.buffer), descriptors.length, milliseconds) > 0;
  }

  /** Keeps the thread for so many milliseconds. */
  sleep(milliseconds: number): void {
    this.functions.poll(UNSPECIFIED, 0, milliseconds);
  }

  /** Another descriptor for the same socket; close-on-exec, and no smaller than `least`, on Linux. */
  duplicate(descriptor: number, least = 0): number {
    const { fcntl, dup } = this.functions;
    return this.check("dup", fcntl ? fcntl(descriptor, F_DUPFD_CLOEXEC, least) : dup(descriptor));
  }

  /** The descriptor has this number from now on, close-on-exec. Linux only. */
  moveTo(descriptor: number, number: number): void {
    this.check("dup3", this.functions.dup3(descriptor, number, this.constants.O_CLOEXEC));
    this.close(descriptor);
  }

  /** Fills it with the kernel's random bytes, at most 256 of them. Linux only. */
  randomize(bytes: Uint8Array): void {
    this.functions.getrandom(bytes, bytes.length, 0);
  }

  /** Calls on the descriptor no longer block, as an event loop needs it. */
  setNonblocking(descriptor: number): void {
    this.functions.fcntl?.(descriptor, F_SETFL, this.constants.SOCK_NONBLOCK);
  }

  /** What this process starts does not inherit the descriptor. */
  closeOnExec(descriptor: number): void {
    this.functions.fcntl?.(descriptor, F_SETFD, FD_CLOEXEC);
  }

  /** A file or folder, open to read, or with these flags of open(2). */
  openFile(path: string, flags = 0): number {
    const bytes = new TextEncoder().encode(path + "\0");
    return this.check("open", this.functions.open(bytes, flags | this.constants.O_CLOEXEC));
  }

  /** A whole file as text; one of /proc tells no length, and is read to its end. */
  readText(path: string): string {
    const file = this.openFile(path);
    const buffer = new Uint8Array(65536);
    const decoder = new TextDecoder();
    let text = "";
    for (let length; (length = this.functions.read(file, buffer, buffer.length)) > 0;) {
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
    this.close(file);
    return text;
  }

  /** flock(2): whether this descriptor has its file's lock now; false if another one has. */
  lock(descriptor: number): boolean {
    for (;;) {
      if (this.functions.flock(descriptor, LOCK_EX_NB) === 0) return true;
      if (this.wouldBlock("flock")) return false;
    }
  }

  /** close(2), which never throws: on Linux the descriptor is gone even after an error. */
  close(descriptor: number): void {
    this.functions.close(descriptor);
  }

  /** A stream socket of the address's family. */
  stream(address: Address, flags: number): number {
    const c = this.constants;
    const family = address.transport === "unix"
      ? c.AF_UNIX
      : address.hostname.includes(":")
      ? c.AF_INET6
      : c.AF_INET;
    const type = c.SOCK_STREAM | c.SOCK_CLOEXEC | flags;
    return this.check("socket", this.functions.socket(family, type, 0));
  }

  /** setsockopt(2) with an integer. */
  setOption(descriptor: number, level: number, option: number, value: number): void {
    const bytes = new Uint8Array(new Int32Array([value]).buffer);
    const { setsockopt } = this.functions;
    this.check("setsockopt", setsockopt(descriptor, level, option, bytes, 4));
  }
}
