/**
 * Deno's adapter.
 * @module
 */
import { formatAddress } from "../connection/connection.ts";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import { fileUrl } from "./current_folder.ts";
import { systemError } from "./deno_errors.ts";
import { listen } from "./deno_listener.ts";
import {
  ALL_FLAGS,
  closed,
  holds,
  permissionFlags,
  restrictionRefusal,
} from "./deno_permissions.ts";
import { connect } from "./deno_socket.ts";
import { isMapped, openFirst } from "./library.ts";
import { listen as adoptListener } from "./node_listener.ts";
import { adopt } from "./node_socket.ts";
import { spawnWorker } from "./node_worker_process.ts";
import { startThread, threadScope } from "./node_worker_thread.ts";
import { useUp } from "./random_store.ts";
import { sharedParts } from "./shared_parts.ts";

function openLibrary(functions: ForeignFunctions): ForeignLibrary {
  try {
    return openFirst(runtime.os, runtime.arch, (name) => {
      const library = Deno.dlopen(name, functions as Deno.ForeignLibraryInterface);
      return {
        functions: library.symbols as ForeignLibrary["functions"],
        readInt32: (pointer) =>
          new Deno.UnsafePointerView(pointer as Deno.PointerObject).getInt32(),
        memoryAt: (pointer, size) =>
          isMapped(Deno.UnsafePointer.value(pointer as Deno.PointerValue))
            ? Deno.UnsafePointerView.getArrayBuffer(pointer as Deno.PointerObject, size)
            : null,
        close: () => library.close(),
      };
    });
  } catch (error) {
    throw systemError(error);
  }
}

/** Looked for once: the current folder may be gone when the next worker starts. */
let config: string | null | undefined;

/** The deno.json that this process resolves modules by; null where none is. */
function configFile(): string | null {
  return config === undefined ? config = findConfig() : config;
}

function findConfig(): string | null {
  const main = new URL(Deno.mainModule);
  let folder = new URL(".", main.protocol === "file:" ? main : fileUrl("./", undefined));
  for (;;) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const file = new URL(name, folder);
      try {
        if (Deno.statSync(file).isFile) return decodeURIComponent(file.pathname);
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

async function writeOut(stream: "stdout" | "stderr", text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let done = 0; done < bytes.length;) {
    done += await Deno[stream].write(bytes.subarray(done));
  }
}

/** Deno's names for what Node calls otherwise. */
const ARCHITECTURES: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

/** The adapter. */
export const runtime: Runtime = {
  ...sharedParts,
  name: "deno",
  version: Deno.version.deno,
  os: Deno.build.os,
  arch: ARCHITECTURES[Deno.build.arch] ?? Deno.build.arch,
  // With 8 streams, one gets a thousand times what another does (2.9).
  loopIsFair: false,
  callsInBackground: true,
  // On 127.0.0.1:9229, from 2.9.2 on.
  opensDebugger: true,
  // Its node:tls takes `crl` and does not look at it: a revoked certificate is let in (2.9.6).
  revocationRefusal:
    "Deno does not look at it, and would let in whom it names: serve on Node or Bun",
  // performance.now() costs 130 ns, a C function a third of that (2.9).
  clockIsSlow: true,
  get args() {
    return Deno.args;
  },

  command() {
    const main = new URL(Deno.mainModule);
    const flags = permissionFlags([main]);
    return [
      Deno.execPath(),
      "run",
      ...(flags.length === ALL_FLAGS ? ["-A"] : flags),
      main.protocol === "file:" ? decodeURIComponent(main.pathname) : main.href,
    ];
  },

  listen: (address, backlog, descriptor) =>
    descriptor === undefined
      ? listen(address, backlog)
      : adoptListener(address, backlog, descriptor),
  connect,
  mayConnect: (address) =>
    address.transport === "unix"
      ? holds({ name: "read", path: address.path }) && holds({ name: "write", path: address.path })
      // To look a name up takes the permission for all of its ports.
      : holds({
        name: "net",
        host: /^[\d.]+$|:/.test(address.hostname) ? formatAddress(address) : address.hostname,
      }),
  adopt,

  brokenModule: () => Promise.resolve({ at: null, hint: null }), // its stack begins with the place
  onWarning: () => {}, // it warns of nothing that a handler's module may be

  libraryRefusal: () =>
    holds({ name: "ffi" }) ? null : "it needs the C library: run Deno with --allow-ffi",
  openLibrary,

  processRefusal: () =>
    holds({ name: "run", command: Deno.execPath() })
      ? null
      : "it starts processes: run Deno with --allow-run",
  startThread,
  startProcess(module, args, descriptors, needs, workerArgs, permissions, connections) {
    const config = configFile();
    return spawnWorker(Deno.execPath(), [
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
  forkRefusal: (workerArgs) =>
    workerArgs.some((arg) => arg.startsWith("--v8-flags"))
      ? "--v8-flags among its arguments replaces the flags that it needs"
      : null,
  becomeFork(pid) {
    // Not `process.pid`, which cannot be set (2.9).
    Object.defineProperty(Deno, "pid", { value: pid });
    // The test "forks have random numbers, … of their own" shows how many (2.9).
    useUp({ blocks: 2, uuids: 128, integers: 0 });
  },
  // A fork of one that has collected holds less at rest and more under load (2.9), see
  // docs/measurements.md.
  collectGarbage() {},
  restrictionRefusal,
  fileUrl(path) {
    const shells = runtime.env("PWD");
    // Without it Deno would ask at a terminal.
    const mayLook = shells !== undefined && holds({ name: "read", path: shells });
    return fileUrl(path, mayLook ? shells : undefined);
  },
  threadScope: () => "DedicatedWorkerGlobalScope" in globalThis ? threadScope() : null,
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
  onExit(listener) {
    const onExit = () => void (Deno.exitCode = listener());
    globalThis.addEventListener("unload", onExit); // process.exit tells it too
    return () => globalThis.removeEventListener("unload", onExit);
  },
  exit: (code) => Deno.exit(code),
  env: (name) => holds({ name: "env", variable: name }) ? Deno.env.get(name) : undefined,
  takeEnv(name) {
    const value = runtime.env(name);
    if (value !== undefined) Deno.env.delete(name);
    return value;
  },
  async readStdin() {
    const buffer = new Uint8Array(65536);
    const length = await Deno.stdin.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  },
  writeOut,
  complain(line) {
    try {
      console.error(line);
    } catch {
      // It throws where the disk is full (2.9).
    }
  },
  loopIdle: () => null,
  loseUnread() {}, // it is so
  isTerminal: (stream) => Deno[stream].isTerminal(),
};
