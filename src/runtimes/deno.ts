/**
 * Deno's adapter.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { errorMessage, SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, ForeignLibrary, LoopListener, Runtime } from "../runtime.ts";
import { type Socket, SocketConnection } from "../connection/socket_connection.ts";
import { descriptorLimit } from "./proc.ts";
import { openFirst } from "./library.ts";
import { commandParts } from "./node_commands.ts";
import { adopt, listenToHandOver } from "./node_socket.ts";
import * as shared from "./node_worker_process.ts";

/** Deno's errors are classes; not all carry the system's code. */
const CODES: Record<string, string> = {
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  BadResource: "EBADF",
  BrokenPipe: "EPIPE",
  ConnectionAborted: "ECONNABORTED",
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  Interrupted: "EBADF",
  NotCapable: "EACCES",
  NotConnected: "ENOTCONN",
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
};

function systemError(error: unknown): SystemError {
  const { name, code } = error as { name?: string; code?: string };
  return new SystemError(
    code ?? CODES[name ?? ""] ?? "EIO",
    errorMessage(error),
    error,
  );
}

function fail(error: unknown): never {
  throw systemError(error);
}

function address(addr: Deno.Addr): Address {
  return addr.transport === "unix" || addr.transport === "unixpacket"
    ? { transport: "unix", path: (addr as Deno.UnixAddr).path ?? "" }
    : {
      transport: "tcp",
      hostname: (addr as Deno.NetAddr).hostname,
      port: (addr as Deno.NetAddr).port,
    };
}

class DenoSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.localAddr = address(conn.localAddr);
    this.remoteAddr = address(conn.remoteAddr);
    if (this.localAddr.transport === "tcp") {
      (conn as Deno.TcpConn).setNoDelay(true);
      (conn as Deno.TcpConn).setKeepAlive(true);
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch {
      // The peer has reset: there is nobody to send FIN to.
    }
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Deno has closed it already, after a reset.
    }
  }
}

function wrap(conn: Deno.Conn): SocketConnection {
  try {
    return new SocketConnection(new DenoSocket(conn), systemError);
  } catch (error) {
    conn.close();
    throw systemError(error);
  }
}

class DenoListener implements LoopListener {
  readonly addr: Address;
  readonly #listener: Deno.Listener;
  #closed = false;

  constructor(listener: Deno.Listener) {
    this.#listener = listener;
    this.addr = address(listener.addr);
  }

  async accept(): Promise<SocketConnection | null> {
    try {
      return wrap(await this.#listener.accept());
    } catch (error) {
      if (this.#closed) return null;
      throw systemError(error);
    }
  }

  close(): void {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
  }
}

function openLibrary(functions: ForeignFunctions): ForeignLibrary {
  try {
    return openFirst(runtime.os, runtime.arch, (name) => {
      const library = Deno.dlopen(name, functions as Deno.ForeignLibraryInterface);
      return {
        functions: library.symbols as ForeignLibrary["functions"],
        readInt32: (pointer) =>
          new Deno.UnsafePointerView(pointer as Deno.PointerObject).getInt32(),
        close: () => library.close(),
      };
    });
  } catch (error) {
    throw systemError(error);
  }
}

const CLOCK_MONOTONIC = Deno.build.os === "linux" ? 1 : 6;

/** clock_gettime(2): a third of what performance.now() costs (2.9: 130 ns). */
function openClock(): () => number {
  const { clock_gettime } = openLibrary({
    clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  }).functions;
  const words = new Int32Array(4); // seconds and nanoseconds, 64 bits each
  const bytes = new Uint8Array(words.buffer);
  return () => {
    clock_gettime(CLOCK_MONOTONIC, bytes);
    return words[0] * 1000 + words[2] / 1e6;
  };
}

/** All of it, and nothing of it denied: `partial` tells of a denied part. */
function holds(descriptor: Deno.PermissionDescriptor): boolean {
  const status = Deno.permissions.querySync(descriptor);
  return status.state === "granted" && !status.partial;
}

/**
 * The largest folder above the file that may be read, so that what the file
 * imports can be read too; the file itself if that is all.
 */
function readableAbove(file: URL): string | null {
  const parts = decodeURIComponent(file.pathname).split("/");
  for (let n = 1; n <= parts.length; n++) {
    const path = parts.slice(0, n).join("/") || "/";
    if (holds({ name: "read", path })) return path;
  }
  return null;
}

/**
 * Flags that let a process do what these allow, and nothing else. Deno's
 * node:child_process adds -A unless one permission flag is there (2.9).
 */
function closed(flags: string[]): string[] {
  return ["--no-prompt", ...flags, ...(flags.includes("--allow-ffi") ? [] : ["--deny-ffi"])];
}

/** Flags that give a process what this one holds and no more. */
function permissionFlags(needs: URL[]): string[] {
  const whole = [
    "read",
    "write",
    "net",
    "env",
    "run",
    "ffi",
    "sys",
    "import",
  ] as const;
  const flags = whole.filter((name) => holds({ name } as Deno.PermissionDescriptor))
    .map((name) => `--allow-${name}`);
  if (!flags.includes("--allow-read")) {
    const paths = needs.filter((url) => url.protocol === "file:").map(
      readableAbove,
    );
    const unique = [...new Set(paths)].filter((path) => path !== null);
    if (unique.length > 0) flags.push(`--allow-read=${unique.join(",")}`);
  }
  return flags;
}

/** What a permission is asked about in part. */
const PARTS: Record<string, string> = {
  read: "path",
  write: "path",
  net: "host",
  env: "variable",
  run: "command",
  sys: "kind",
  import: "host",
};

/** Only what this process holds can be given, and nothing that undoes the rest. */
function restrictionRefusal(permissions: string[]): string | null {
  for (const flag of permissions) {
    const [, verb, name, values] = /^--(allow|deny)-([a-z]+)(?:=(.+))?$/.exec(flag) ?? [];
    if (name === "ffi" || name === "all") {
      return `with ${flag} there is no restriction: leave it out, or leave out the option`;
    }
    if (!Object.hasOwn(PARTS, name)) {
      return `"${flag}" is no permission flag of Deno: write --allow-${
        Object.keys(PARTS).join(", --allow-")
      }, or --deny-… of them`;
    }
    if (verb === "deny") continue;
    const wanted = values?.split(",").map((value) => ({ name, [PARTS[name]]: value })) ??
      [{ name }];
    if (!wanted.every((descriptor) => holds(descriptor as Deno.PermissionDescriptor))) {
      return `this process does not hold ${flag} itself: run it with that`;
    }
  }
  return null;
}

/** The deno.json that this process resolves modules by; null where none is. */
function configFile(): string | null {
  const main = new URL(Deno.mainModule);
  let folder = new URL(
    ".",
    main.protocol === "file:" ? main : shared.fileUrl("./"),
  );
  for (;;) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const file = new URL(name, folder);
      try {
        if (Deno.statSync(file).isFile) {
          return decodeURIComponent(file.pathname);
        }
      } catch {
        // Not there, or not readable: then a worker could not read it either.
      }
    }
    const above = new URL("..", folder);
    if (above.href === folder.href) return null;
    folder = above;
  }
}

/**
 * A worker that has one connection: helper threads and a large young heap for each
 * cost the others more than they give it (50 workers: a fifth of the CPU for a
 * message, a tenth of the memory).
 */
const WORKER_HEAP = "--v8-flags=--single-threaded,--min-semi-space-size=1,--max-semi-space-size=1";

async function write(
  stream: "stdout" | "stderr",
  text: string | Uint8Array,
): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let done = 0; done < bytes.length;) {
    done += await Deno[stream].write(bytes.subarray(done));
  }
}

/** Deno's names for what Node calls otherwise. */
const ARCHITECTURES: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

/** The adapter. */
export const runtime: Runtime = {
  ...commandParts,
  name: "deno",
  version: Deno.version.deno,
  os: Deno.build.os,
  arch: ARCHITECTURES[Deno.build.arch] ?? Deno.build.arch,
  // With 8 streams, one gets a thousand times what another does (2.9).
  loopIsFair: false,
  callsInBackground: true,
  get args() {
    return Deno.args;
  },

  listen(address, backlog) {
    try {
      return Promise.resolve(
        new DenoListener(
          address.transport === "unix"
            ? Deno.listen({ transport: "unix", path: address.path })
            : Deno.listen({
              hostname: address.hostname,
              port: address.port,
              tcpBacklog: backlog,
            }),
        ),
      );
    } catch (error) {
      return Promise.reject(systemError(error));
    }
  },
  async connect(address) {
    return wrap(
      await (address.transport === "unix"
        ? Deno.connect({ transport: "unix", path: address.path })
        : Deno.connect({ hostname: address.hostname, port: address.port }))
        .catch(fail),
    );
  },
  listenToHandOver,
  adopt,
  lookup: shared.lookup,

  libraryRefusal: () =>
    holds({ name: "ffi" }) ? null : "it needs the C library: run Deno with --allow-ffi",
  openLibrary,
  openClock,

  processRefusal: () =>
    holds({ name: "run", command: Deno.execPath() })
      ? null
      : "it starts processes: run Deno with --allow-run",
  startThread: shared.startThread,
  startProcess(module, args, descriptors, needs, workerArgs, permissions, connections) {
    const config = configFile();
    return shared.startProcess(Deno.execPath(), [
      "run",
      "--quiet",
      ...closed(permissions ?? permissionFlags(needs)),
      ...(workerArgs.some((arg) => /^(--config|--no-config|-c)\b/.test(arg))
        ? []
        : config
        ? ["--config", config]
        : ["--no-config"]),
      ...(connections === "many" || workerArgs.some((arg) => arg.startsWith("--v8-flags"))
        ? []
        : [WORKER_HEAP]),
      ...workerArgs,
      module.href,
      ...args,
    ], descriptors);
  },
  restrictionRefusal,
  threadScope: () => "DedicatedWorkerGlobalScope" in globalThis ? shared.threadScope() : null,
  processScope: shared.processScope,
  // process.exit() leaks two descriptors if its module is still being evaluated (2.9).
  endThread: () => globalThis.close(),
  pid: Deno.pid,
  parentPid: () => Deno.ppid,

  onSignal(signal, listener) {
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  },
  onUnhandled(listener) {
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      listener(event.reason);
    });
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      listener(event.error);
    });
  },
  exit: (code) => Deno.exit(code),
  descriptorLimit,
  umask: shared.umask,
  memoryOf: shared.memoryOf,
  socketFile: shared.socketFile,
  removeFile: shared.removeFile,
  fileUrl: shared.fileUrl,
  env: (name) => holds({ name: "env", variable: name }) ? Deno.env.get(name) : undefined,
  async readStdin() {
    const buffer = new Uint8Array(65536);
    const length = await Deno.stdin.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  },
  writeOut: write,
  isTerminal: (stream) => Deno[stream].isTerminal(),
};
