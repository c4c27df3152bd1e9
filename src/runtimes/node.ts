/**
 * Node's adapter.
 * @module
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { ForeignFunctions, ForeignLibrary, ForeignType, Runtime } from "../runtime.ts";
import { builtin } from "./builtin.ts";
import { inheritedFlags } from "./inherited_flags.ts";
import { withoutInspector } from "./inspector.ts";
import { isMapped, openFirst } from "./library.ts";
import { allowLibrary } from "./loop_library.ts";
import { brokenModule } from "./node_broken_module.ts";
import { compileCache } from "./node_compile_cache.ts";
import { listen } from "./node_listener.ts";
import { processParts } from "./node_process.ts";
import { adopt, connect } from "./node_socket.ts";
import { spawnWorker } from "./node_worker_process.ts";
import { onWarning } from "./node_warnings.ts";
import { startThread } from "./node_worker_thread.ts";
import { useUp } from "./random_store.ts";
import { sharedParts } from "./shared_parts.ts";

/** What Node's `performance` has beside that of the web. */
interface Idling {
  eventLoopUtilization(): { readonly idle: number };
}

/** What Trivet uses of node:ffi, which has no types here. */
interface NodeFfi {
  dlopen(
    name: string,
    functions: Record<string, { arguments: readonly ForeignType[]; return: ForeignType }>,
  ): { readonly lib: { close(): void }; readonly functions: ForeignLibrary["functions"] };
  getInt32(pointer: unknown, offset: number): number;
  toArrayBuffer(pointer: unknown, size: number, copy: boolean): ArrayBuffer;
}

/** The module, without the warning that it is experimental; null before Node 26.9. */
function nodeFfi(): NodeFfi | null {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:ffi") as unknown as NodeFfi ?? null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Whether Node's permission model, if it is on, allows it. */
function allowed(scope: string): boolean {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  return permission === undefined || permission.has(scope);
}

function openLibrary(functions: ForeignFunctions): ForeignLibrary {
  const ffi = nodeFfi()!;
  const wanted = Object.fromEntries(
    Object.entries(functions).map(([name, { parameters, result }]) => [
      name,
      { arguments: parameters, return: result },
    ]),
  );
  return openFirst(process.platform, process.arch, (name) => {
    const library = ffi.dlopen(name, wanted);
    return {
      functions: library.functions,
      readInt32: (pointer) => ffi.getInt32(pointer, 0),
      memoryAt: (pointer, size) =>
        isMapped(pointer) ? ffi.toArrayBuffer(pointer, size, false) : null,
      close: () => library.lib.close(),
    };
  });
}

/** A worker has one connection: a large young heap costs the others more than it gives it. */
const WORKER_HEAP = ["--min-semi-space-size=1", "--max-semi-space-size=1"];

/** No helper threads: a fork would wait for them as soon as it collects garbage (26.10). */
const NO_HELPERS = ["--single-threaded", "--v8-pool-size=0"];

function workerEnvironment(): Record<string, string | undefined> {
  const folder = compileCache();
  return { ...(folder === null ? {} : { NODE_COMPILE_CACHE: folder }), ...process.env };
}

/** Flags that are only the main process's: a debugger, a test runner, what it runs. */
const OWN_FLAGS = /^--?(inspect|watch|test|eval|print|check|interactive|input-type|pe\b|[epci]\b)/;

/** The adapter. */
export const runtime: Runtime = {
  ...sharedParts,
  ...processParts,
  name: "node",
  version: process.versions.node,

  command: () => [
    process.execPath,
    ...inheritedFlags(process.execArgv, OWN_FLAGS),
    process.argv[1],
  ],

  listen,
  connect,
  mayConnect: () => true,
  adopt,

  brokenModule,
  onWarning,

  libraryRefusal: () =>
    nodeFfi() === null
      ? "it needs the C library: run Node 26.9 or newer"
      : allowed("ffi")
      ? null
      : "it needs the C library: run Node with --allow-ffi",
  openLibrary,

  processRefusal: () =>
    allowed("child") ? null : "it starts processes: run Node with --allow-child-process",
  startThread: (module, data) => startThread(module, data, workerEnvironment()),
  startProcess: (module, args, descriptors, _needs, workerArgs, _permissions, connections) =>
    spawnWorker(
      process.execPath,
      [
        ...inheritedFlags(process.execArgv, OWN_FLAGS),
        ...(connections === "many" ? [] : WORKER_HEAP),
        ...(connections === "forks" ? NO_HELPERS : []),
        ...workerArgs,
        fileURLToPath(module),
        ...args,
      ],
      descriptors,
      withoutInspector(workerEnvironment()),
    ),
  forkRefusal: () => null,
  becomeFork(pid, exit) {
    Object.defineProperty(process, "pid", { value: pid });
    if (exit) {
      // Node's own end would wait for threads that a fork does not have (26.10).
      process.exit = (code) => {
        process.exitCode = code ?? process.exitCode ?? 0;
        // A listener may end it, too, or change the code.
        process.exit = (code) => exit(Number(code ?? process.exitCode));
        process.emit("exit", Number(process.exitCode));
        return process.exit();
      };
    }
    // "forks have random numbers, … of their own" shows how many (26.10).
    const { moduleLoadList } = process as unknown as { moduleLoadList: string[] };
    if (moduleLoadList.includes("NativeModule internal/crypto/random")) {
      useUp({ blocks: 0, uuids: 128, integers: 1024 });
    }
  },
  collectGarbage() {
    const { v8, vm } = builtin;
    v8.setFlagsFromString("--expose-gc"); // in contexts that are made from here on
    const collect = vm.runInNewContext("gc") as () => void;
    v8.setFlagsFromString("--no-expose-gc");
    collect();
  },
  loopIdle: () => (performance as unknown as Idling).eventLoopUtilization().idle,
  // Without a listener a handler's console.log ends its connection (26.10).
  loseUnread() {
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  },
  restrictionRefusal: () => "Node cannot take permissions from what it runs: run Trivet on Deno",
};
allowLibrary(runtime);
