/**
 * Bun's adapter.
 * @module
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import type { Address } from "../connection/connection.ts";
import { refusal, SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, LoopListener, Runtime } from "../runtime.ts";
import { type Socket, SocketConnection } from "../connection/socket_connection.ts";
import { descriptorLimit, firstOfLast } from "./proc.ts";
import { openFirst } from "./library.ts";
import { commandParts } from "./node_commands.ts";
import { listenToHandOver, systemError } from "./node_socket.ts";
import { processParts } from "./node_process.ts";
import * as shared from "./node_worker_process.ts";
import { AcceptQueue, PushSocket } from "./push_socket.ts";

/**
 * What Trivet uses of Bun. It stands here, and not in types.d.ts, so that a
 * program that is checked by another deno.json knows it too, and its own
 * globals stay as they are.
 */
declare namespace Bun {
  interface Socket<T> {
    data: T;
    readonly localAddress: string;
    readonly localPort: number;
    readonly remoteAddress: string;
    readonly remotePort: number;
    readonly fd: number;
    write(bytes: Uint8Array): number;
    shutdown(): void;
    close(): void;
    pause(): void;
    resume(): void;
    setNoDelay(on: boolean): void;
    setKeepAlive(on: boolean, delay: number): void;
  }
  interface SocketHandlers<T> {
    open?(socket: Socket<T>): void;
    data(socket: Socket<T>, chunk: Uint8Array): void;
    drain?(socket: Socket<T>): void;
    end?(socket: Socket<T>): void;
    error?(socket: Socket<T>, error: Error): void;
    close?(socket: Socket<T>, error?: Error): void;
  }
  interface SocketListener {
    readonly port: number;
    readonly fd: number;
    stop(closeConnections: boolean): void;
  }
  type Where = { hostname: string; port: number } | { unix: string } | { fd: number };
  function listen<T>(
    options: Where & { allowHalfOpen: boolean; socket: SocketHandlers<T> },
  ): SocketListener;
  function connect<T>(
    options: Where & { allowHalfOpen: boolean; socket: SocketHandlers<T> },
  ): Promise<Socket<T>>;
  const FFI: {
    dlopen(name: string, functions: Record<string, { args: string[]; returns: string }>): {
      // deno-lint-ignore no-explicit-any -- only the caller knows a C function's signature
      readonly symbols: Record<string, (...args: any[]) => any>;
      close(): void;
    };
    readonly read: { i32(pointer: unknown, offset: number): number };
  };
}

/** An address as Bun takes it. */
function where(address: Address): { unix: string } | { hostname: string; port: number } {
  return address.transport === "unix"
    ? { unix: address.path }
    : { hostname: address.hostname, port: address.port };
}

/** A socket of Bun's loop, which calls it back through {@linkcode HANDLERS}. */
class BunSocket extends PushSocket {
  localAddr: Address;
  remoteAddr: Address;
  readonly #socket: Bun.Socket<BunSocket>;
  #finSent = false;
  #writer:
    | { bytes: Uint8Array; resolve(length: number): void; reject(error: Error): void }
    | null = null;

  constructor(socket: Bun.Socket<BunSocket>, flowing: boolean, path: string | null) {
    super(flowing);
    this.#socket = socket;
    if (!flowing) socket.pause();
    if (path !== null) {
      this.localAddr = { transport: "unix", path };
      this.remoteAddr = { transport: "unix", path: "" };
      return;
    }
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    this.localAddr = { transport: "tcp", hostname: localAddress, port: localPort };
    this.remoteAddr = { transport: "tcp", hostname: remoteAddress, port: remotePort };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 0);
  }

  write(bytes: Uint8Array): number | Promise<number> {
    // Bun keeps nothing of what the kernel does not take.
    const length = this.#socket.write(bytes);
    if (length > 0) return length;
    if (length < 0) throw this.error ?? refusal("EPIPE");
    return new Promise((resolve, reject) => this.#writer = { bytes, resolve, reject });
  }

  closeWrite(): void {
    this.#finSent = true;
    this.#socket.shutdown();
  }

  /** Bun has closed it: after FIN in both directions it says so instead of `end` (1.4). */
  closed(error?: Error): void {
    if (error) this.failed(systemError(error));
    else if (this.#finSent) this.ended();
    else this.failed(refusal("EBADF"));
  }

  close(): void {
    this.failed(refusal("EBADF"));
    this.#socket.close();
  }

  /** The kernel has room again. */
  drained(): void {
    const writer = this.#writer;
    if (writer === null) return;
    const length = this.#socket.write(writer.bytes);
    if (length === 0) return;
    this.#writer = null;
    if (length > 0) writer.resolve(length);
    else writer.reject(this.error ?? refusal("EPIPE"));
  }

  override failed(error: Error): void {
    super.failed(error);
    this.#writer?.reject(this.error!);
    this.#writer = null;
  }

  protected flow(on: boolean): void {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }
}

/** Bun's callbacks; the same for all sockets, so that one costs no closures. */
const HANDLERS: Bun.SocketHandlers<BunSocket> = {
  data: (socket, chunk) => socket.data.received(chunk),
  drain: (socket) => socket.data?.drained(), // it comes once before `open`
  end: (socket) => socket.data.ended(),
  error: (socket, error) => socket.data?.failed(systemError(error)),
  close: (socket, error) => socket.data?.closed(error),
};

class BunListener implements LoopListener {
  readonly addr: Address;
  readonly descriptor: number;
  readonly #listener: Bun.SocketListener;
  readonly #queue: AcceptQueue<SocketConnection>;

  constructor(listener: Bun.SocketListener, addr: Address, queue: AcceptQueue<SocketConnection>) {
    this.#listener = listener;
    this.descriptor = listener.fd;
    this.addr = addr;
    this.#queue = queue;
  }

  set onRefused(listener: (remoteAddr: Address) => void) {
    this.#queue.onRefused = listener;
  }

  accept(): Promise<SocketConnection | null> {
    return this.#queue.accept();
  }

  close(): void {
    this.#listener.stop(false);
    for (const connection of this.#queue.close()) connection.close();
  }
}

/** Bun accepts on its own; who is not asked for yet waits unread. */
function listen(address: Address): LoopListener {
  const path = address.transport === "unix" ? address.path : null;
  const queue = new AcceptQueue<SocketConnection>();
  const last = firstOfLast(descriptorLimit());
  const listener = Bun.listen<BunSocket>({
    ...where(address),
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open(socket) {
        if (path === null && socket.remoteAddress === undefined) {
          socket.close(); // the client has reset already
          return;
        }
        socket.data = new BunSocket(socket, queue.asked, path);
        if (socket.fd >= last) {
          queue.onRefused?.(socket.data.remoteAddr);
          return socket.data.close();
        }
        queue.push(new SocketConnection(socket.data, systemError));
      },
    },
  });
  const addr: Address = address.transport === "unix"
    ? address
    : { ...address, port: listener.port };
  return new BunListener(listener, addr, queue);
}

async function connect(address: Address): Promise<SocketConnection> {
  const path = address.transport === "unix" ? address.path : null;
  const socket = await Bun.connect<BunSocket>({
    ...where(address),
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open: (socket) => void (socket.data = new BunSocket(socket, false, path)),
    },
  });
  if (path !== null) {
    [socket.data.localAddr, socket.data.remoteAddr] = [
      socket.data.remoteAddr,
      socket.data.localAddr,
    ];
  }
  return new SocketConnection(socket.data, systemError);
}

/** Bun calls `open` before `connect` returns, when it is given a descriptor (1.4). */
function adopt(descriptor: number, localAddr: Address, remoteAddr: Address): Socket {
  let adopted: BunSocket | null = null;
  Bun.connect<BunSocket>({
    fd: descriptor,
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open: (socket) => void (adopted = socket.data = new BunSocket(socket, false, "")),
    },
  }).catch(() => {}); // then `adopted` is null
  if (adopted === null) throw new SystemError("EBADF", "Bun did not adopt a descriptor");
  const socket = adopted as BunSocket;
  socket.localAddr = localAddr;
  socket.remoteAddr = remoteAddr;
  return socket;
}

function openLibrary(functions: ForeignFunctions): ForeignLibrary {
  const type = (name: string) => name === "pointer" ? "ptr" : name;
  const wanted = Object.fromEntries(
    Object.entries(functions).map(([name, { parameters, result }]) => [
      name,
      { args: parameters.map(type), returns: type(result) },
    ]),
  );
  return openFirst(process.platform, process.arch, (name) => {
    const library = Bun.FFI.dlopen(name, wanted);
    return {
      functions: library.symbols,
      readInt32: (pointer) => Bun.FFI.read.i32(pointer, 0),
      close: () => library.close(),
    };
  });
}

/** The adapter. */
export const runtime: Runtime = {
  ...processParts,
  ...commandParts,
  name: "bun",
  version: process.versions.bun!,

  // Bun's backlog is always 512 (1.4).
  listen: (address, _backlog) =>
    Promise.try(() => listen(address)).catch((error) => {
      throw systemError(error);
    }),
  connect: (address) =>
    connect(address).catch((error) => {
      throw systemError(error);
    }),
  listenToHandOver,
  adopt,
  lookup: shared.lookup,

  libraryRefusal: () => null,
  openLibrary,

  processRefusal: () => null,
  startThread: shared.startThread,
  startProcess: (module, args, descriptors, _needs, workerArgs) =>
    shared.startProcess(process.execPath, [
      ...process.execArgv,
      ...workerArgs,
      fileURLToPath(module),
      ...args,
    ], descriptors),
  restrictionRefusal: () => "Bun cannot take permissions from what it runs: run Trivet on Deno",
  threadScope: shared.threadScope,
  processScope: shared.processScope,
  endThread: () => {
    if (!isMainThread) process.exit(0);
  },

  onSignal: shared.onSignal,
  onUnhandled: shared.onUnhandled,
  descriptorLimit,
  umask: shared.umask,
  memoryOf: shared.memoryOf,
  socketFile: shared.socketFile,
  removeFile: shared.removeFile,
  fileUrl: shared.fileUrl,
};
