/**
 * The system calls, each once: EINTR is tried again, a failure is a
 * {@linkcode SystemError} with the POSIX name.
 * @module
 */
import type { Address, TcpAddress } from "../connection/connection.ts";
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import { type Constants, DARWIN, LINUX } from "./constants.ts";
import { decodeAddress, encodeAddress, SOCKET_ADDRESS_SIZE } from "./socket_address.ts";

// Descriptors and lengths as 32-bit integers: a 64-bit one becomes a BigInt.
const FUNCTIONS: ForeignFunctions = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
};

const LINUX_FUNCTIONS: ForeignFunctions = {
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  prctl: { parameters: ["i32", "u64"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  waitid: { parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  malloc: { parameters: ["u64"], result: "u64" },
  memcpy: { parameters: ["u64", "buffer", "u64"], result: "u64" },
  free: { parameters: ["u64"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
};

const DARWIN_FUNCTIONS: ForeignFunctions = {
  accept: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  __error: { parameters: [], result: "pointer" },
};

/** The level of TCP's socket options, the same on every system. */
export const IPPROTO_TCP = 6;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const TCP_INFO_SIZE = 28;
const TCP_INFO_UNACKED = 24;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const POLLIN = 1;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
const SIGINFO_SIZE = 128;
const SIGINFO_PID = 16;

/** Socket filter (bpf(4)) over a TCP header: SYN alone is dropped, all else passes. */
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

/** A descriptor that `accept` gave, and who is at its other end. */
export interface Accepted {
  readonly descriptor: number;
  readonly remoteAddr: Address;
}

/** An open library, and how many share it. */
interface Shared {
  readonly library: ForeignLibrary;
  users: number;
}

/**
 * One for all of a thread at a time: where a call's function differs from one time to
 * the next it is not compiled (Deno 2.9; docs/performance.md, "Where the time goes").
 */
const open = new WeakMap<Runtime, Shared>();

function share(runtime: Runtime): Shared {
  let shared = open.get(runtime);
  if (shared === undefined) {
    const own = runtime.os === "linux" ? LINUX_FUNCTIONS : DARWIN_FUNCTIONS;
    shared = { library: runtime.openLibrary({ ...FUNCTIONS, ...own }), users: 0 };
    open.set(runtime, shared);
  }
  shared.users++;
  return shared;
}

/** The C library, opened by the runtime for this thread. */
export class Libc {
  /** This system's numbers. */
  readonly constants: Constants;
  readonly #runtime: Runtime;
  readonly #shared: Shared;
  readonly #functions: ForeignLibrary["functions"];
  readonly #errno: () => number;
  readonly #address = new Uint8Array(SOCKET_ADDRESS_SIZE);
  readonly #length = new Uint32Array(1);
  readonly #lengthBytes = new Uint8Array(this.#length.buffer);

  /** @throws what the runtime throws if it may not open the library. */
  constructor(runtime: Runtime) {
    this.constants = runtime.os === "linux" ? LINUX : DARWIN;
    this.#runtime = runtime;
    const { library } = this.#shared = share(runtime);
    this.#functions = library.functions;
    const location = this.#functions[this.constants.ERRNO]();
    this.#errno = () => library.readInt32(location);
  }

  /** Closes the library, if nobody else uses it; no other method may be called any more. */
  unload(): void {
    if (--this.#shared.users > 0) return;
    open.delete(this.#runtime);
    this.#shared.library.close();
  }

  /** A listening socket; `hostname` must be numeric. */
  listen(address: Address, backlog: number): number {
    const c = this.constants;
    const encoded = encodeAddress(address, c);
    const f = this.#functions;
    const descriptor = this.#open(address, 0);
    try {
      if (address.transport === "tcp") {
        this.setOption(descriptor, c.SOL_SOCKET, c.SO_REUSEADDR, 1);
      }
      // What it accepts has these options too.
      this.setOption(descriptor, c.SOL_SOCKET, c.SO_KEEPALIVE, 1);
      if (address.transport === "tcp") this.setOption(descriptor, IPPROTO_TCP, c.TCP_NODELAY, 1);
      this.#check("bind", f.bind(descriptor, encoded, encoded.length));
      this.#check("listen", f.listen(descriptor, backlog));
      return descriptor;
    } catch (error) {
      this.close(descriptor);
      throw error;
    }
  }

  /**
   * A nonblocking TCP socket on its way to the address, whose `hostname` must be
   * numeric. When there is room to write, {@linkcode connectFailure} tells more.
   */
  startConnect(address: TcpAddress): number {
    const c = this.constants;
    const encoded = encodeAddress(address, c);
    const descriptor = this.#open(address, c.SOCK_NONBLOCK);
    try {
      this.setOption(descriptor, IPPROTO_TCP, c.TCP_NODELAY, 1);
      if (this.#functions.connect(descriptor, encoded, encoded.length) < 0) {
        const code = this.#code();
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

  /** Why a connect that has ended failed, a POSIX name; null if it did not. */
  connectFailure(descriptor: number): string | null {
    const c = this.constants;
    const value = new Int32Array(1);
    this.#length[0] = 4;
    const bytes = new Uint8Array(value.buffer);
    const length = this.#lengthBytes;
    const { getsockopt } = this.#functions;
    this.#check("getsockopt", getsockopt(descriptor, c.SOL_SOCKET, c.SO_ERROR, bytes, length));
    return value[0] === 0 ? null : this.#code(value[0]);
  }

  /** Two connected Unix-domain stream sockets. */
  socketPair(): [number, number] {
    const c = this.constants;
    const pair = new Int32Array(2);
    const type = c.SOCK_STREAM | c.SOCK_CLOEXEC;
    const bytes = new Uint8Array(pair.buffer);
    this.#check(
      "socketpair",
      this.#functions.socketpair(c.AF_UNIX, type, 0, bytes),
    );
    return [pair[0], pair[1]];
  }

  /**
   * The next connection, close-on-exec; null if nobody comes, within the socket's
   * timeout or, where it is nonblocking, at once.
   * @param nonblocking whether calls on the connection shall be
   */
  accept(listening: number, nonblocking: boolean): Accepted | null {
    const c = this.constants;
    const { accept4, accept } = this.#functions;
    const flags = c.SOCK_CLOEXEC | (nonblocking ? c.SOCK_NONBLOCK : 0);
    const length = this.#lengthBytes;
    for (;;) {
      this.#length[0] = SOCKET_ADDRESS_SIZE;
      const descriptor: number = accept4
        ? accept4(listening, this.#address, length, flags)
        : accept(listening, this.#address, length);
      if (descriptor >= 0) {
        return { descriptor, remoteAddr: decodeAddress(this.#address, this.#length[0], c) };
      }
      if (this.#wouldBlock("accept")) return null;
    }
  }

  /** The address of this end of what was accepted: the listener's, unless that is any address. */
  acceptedAddress(descriptor: number, listener: Address): Address {
    const any = listener.transport === "tcp" && /^(::ffff:)?[0:.]+$/.test(listener.hostname);
    return any ? this.localAddress(descriptor) : listener;
  }

  /** A socket's own address. */
  localAddress(descriptor: number): Address {
    this.#length[0] = SOCKET_ADDRESS_SIZE;
    const length = this.#lengthBytes;
    this.#check(
      "getsockname",
      this.#functions.getsockname(descriptor, this.#address, length),
    );
    return decodeAddress(this.#address, this.#length[0], this.constants);
  }

  /**
   * recv(2): how many bytes, 0 at the end of the stream; null if nothing comes,
   * within the socket's timeout or, where the call is nonblocking, at once.
   */
  receive(descriptor: number, buffer: Uint8Array, flags = 0): number | null {
    for (;;) {
      const length: number = this.#functions.recv(descriptor, buffer, buffer.length, flags);
      if (length >= 0) return length;
      if (this.#wouldBlock("recv")) return null;
    }
  }

  /** send(2) without SIGPIPE: how many bytes were taken; null, as above, if there is no room. */
  send(descriptor: number, bytes: Uint8Array, flags = 0): number | null {
    const all = flags | this.constants.MSG_NOSIGNAL;
    for (;;) {
      const length: number = this.#functions.send(descriptor, bytes, bytes.length, all);
      if (length >= 0) return length;
      if (this.#wouldBlock("send")) return null;
    }
  }

  /** shutdown(2) of the write side, or of both; false if it was refused. */
  shutdown(descriptor: number, how: "write" | "both"): boolean {
    return this.#functions.shutdown(descriptor, how === "write" ? 1 : 2) === 0;
  }

  /** Another descriptor for the same socket; close-on-exec on Linux. */
  duplicate(descriptor: number): number {
    const { fcntl, dup } = this.#functions;
    return this.#check("dup", fcntl ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : dup(descriptor));
  }

  /** close(2); on Linux the descriptor is gone even after an error. */
  close(descriptor: number): void {
    this.#functions.close(descriptor);
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
    const { getsockopt } = this.#functions;
    const failed = getsockopt(listening, IPPROTO_TCP, this.constants.TCP_INFO, info, length) < 0;
    return failed ? null : new DataView(info.buffer).getUint32(TCP_INFO_UNACKED, true);
  }

  /**
   * Whether so many descriptors are left.
   * @throws {SystemError} with EMFILE or ENFILE if they are not
   */
  demandDescriptors(count: number, any: number): void {
    const copies: number[] = [];
    try {
      while (copies.length < count) copies.push(this.duplicate(any));
    } finally {
      for (const copy of copies) this.close(copy);
    }
  }

  /** How many descriptors this process may have, see getrlimit(2). */
  descriptorLimit(): number {
    const limits = new BigUint64Array(2); // soft, hard
    const bytes = new Uint8Array(limits.buffer);
    this.#check("getrlimit", this.#functions.getrlimit(this.constants.RLIMIT_NOFILE, bytes));
    return Number(limits[0]);
  }

  /**
   * Who waits in a listening TCP socket's queue stays there; nobody else comes,
   * because the kernel forgets every SYN. A client sends it again after a second,
   * and is refused when nobody listens any more. Nothing happens where sockets
   * have no filters, or for another kind of socket.
   */
  dropNewcomers(listening: number): void {
    const { SO_ATTACH_FILTER, SOL_SOCKET } = this.constants;
    if (SO_ATTACH_FILTER === 0 || this.localAddress(listening).transport === "unix") return;
    const { malloc, memcpy, free } = this.#functions;
    const size = BigInt(DROP_SYN.length);
    const code = BigInt(malloc(size)); // a struct's pointer must not move
    if (code === 0n) return;
    memcpy(code, DROP_SYN, size);
    const program = new DataView(new ArrayBuffer(16)); // struct sock_fprog
    program.setUint16(0, DROP_SYN.length / 8, true);
    program.setBigUint64(8, code, true);
    try {
      const bytes = new Uint8Array(program.buffer);
      // Some kernels let only root do it (EPERM): then it is as without a filter.
      this.#functions.setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, bytes, 16);
    } finally {
      free(code);
    }
  }

  /** setsockopt(2) with an integer. */
  setOption(
    descriptor: number,
    level: number,
    option: number,
    value: number,
  ): void {
    const bytes = new Uint8Array(new Int32Array([value]).buffer);
    this.#check(
      "setsockopt",
      this.#functions.setsockopt(descriptor, level, option, bytes, 4),
    );
  }

  /** setsockopt(2) with a `struct timeval`; 0 is no timeout. */
  setTimeout(
    descriptor: number,
    option: "receive" | "send",
    milliseconds: number,
  ): void {
    const c = this.constants;
    const timeval = new DataView(new ArrayBuffer(16));
    timeval.setBigInt64(0, BigInt(Math.floor(milliseconds / 1000)), true);
    timeval.setBigInt64(8, BigInt((milliseconds % 1000) * 1000), true);
    const name = option === "receive" ? c.SO_RCVTIMEO : c.SO_SNDTIMEO;
    const bytes = new Uint8Array(timeval.buffer);
    this.#check(
      "setsockopt",
      this.#functions.setsockopt(descriptor, c.SOL_SOCKET, name, bytes, 16),
    );
  }

  /** Waits until there is something to read or accept; false when the time is over before. */
  waitReadable(descriptor: number, milliseconds: number): boolean {
    const pollfd = new Uint8Array(new Int32Array([descriptor, POLLIN]).buffer);
    return this.#functions.poll(pollfd, 1, milliseconds) > 0;
  }

  /** For a descriptor that an event loop adopts. */
  setNonblocking(descriptor: number): void {
    this.#functions.fcntl?.(descriptor, F_SETFL, this.constants.SOCK_NONBLOCK);
  }

  /** What this process starts does not inherit the descriptor. */
  closeOnExec(descriptor: number): void {
    this.#functions.fcntl?.(descriptor, F_SETFD, FD_CLOEXEC);
  }

  /** Asks the kernel to end this process when the thread that started it ends. */
  dieWithParent(): void {
    this.#functions.prctl?.(PR_SET_PDEATHSIG, BigInt(SIGKILL));
  }

  /** A child that has ended and that nobody has waited for; it stays so. Linux only. */
  endedChild(): number | null {
    const info = new Uint8Array(SIGINFO_SIZE);
    const { waitid } = this.#functions;
    if (waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) < 0) return null; // ECHILD
    return new DataView(info.buffer).getInt32(SIGINFO_PID, true) || null;
  }

  /** Waits for a child that has ended. */
  reap(pid: number): void {
    this.#functions.waitpid(pid, new Uint8Array(4), WNOHANG);
  }

  /** A stream socket of the address's family. */
  #open(address: Address, flags: number): number {
    const c = this.constants;
    const family = address.transport === "unix"
      ? c.AF_UNIX
      : address.hostname.includes(":")
      ? c.AF_INET6
      : c.AF_INET;
    const type = c.SOCK_STREAM | c.SOCK_CLOEXEC | flags;
    return this.#check("socket", this.#functions.socket(family, type, 0));
  }

  #check(call: string, result: number): number {
    if (result < 0) {
      const code = this.#code();
      throw new SystemError(code, `${call} failed: ${code}`);
    }
    return result;
  }

  /** After a call that failed: whether it would block; false after EINTR, to make it again. */
  #wouldBlock(call: string): boolean {
    const code = this.#code();
    if (code === "EAGAIN") return true;
    if (code !== "EINTR") throw new SystemError(code, `${call} failed: ${code}`);
    return false;
  }

  #code(number = this.#errno()): string {
    return this.constants.CODES[number] ?? `E${number}`;
  }
}
