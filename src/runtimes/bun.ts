/**
 * Bun's adapter.
 * @module
 */
import { realpathSync } from "node:fs";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ForeignFunctions, ForeignLibrary, Runtime } from "../runtime.ts";
import { brokenModule } from "./bun_broken_module.ts";
import { listen } from "./bun_listener.ts";
import { adopt, connect } from "./bun_socket.ts";
import { Bun } from "./bun_types.ts";
import { inheritedFlags } from "./inherited_flags.ts";
import { withoutInspector } from "./inspector.ts";
import { isMapped, openFirst } from "./library.ts";
import { processParts } from "./node_process.ts";
import { spawnWorker } from "./node_worker_process.ts";
import { startThread } from "./node_worker_thread.ts";
import { allowLibrary } from "./loop_library.ts";
import { useUp } from "./random_store.ts";
import { sharedParts } from "./shared_parts.ts";

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
      memoryAt: (pointer, size) =>
        isMapped(pointer) ? Bun.FFI.toArrayBuffer(pointer, 0, size) : null,
      close: () => library.close(),
    };
  });
}

/** Flags that are only the main process's: with its debugger no worker starts. */
const OWN_FLAGS = /^--?(inspect|watch|hot|eval|print|[ep]\b)/;

/**
 * No helper threads, which a fork would wait for (1.4; /proc/PID/task has their names): of
 * the collector, of the compilers, JSCWarmUp and mi-scavenger. Nor the timer by which each
 * fork would soon collect what it shares with the others, in memory of its own.
 */
const FORKS_ENVIRONMENT = {
  BUN_JSC_numberOfGCMarkers: "1",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_useWarmUpMarkedBlocks: "0",
  MIMALLOC_SCAVENGER: "0",
  BUN_GC_TIMER_DISABLE: "1",
};

/** The adapter. */
export const runtime: Runtime = {
  ...sharedParts,
  ...processParts,
  name: "bun",
  version: process.versions.bun!,

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
  onWarning: () => {}, // it warns of nothing that a handler's module may be

  libraryRefusal: () => null,
  openLibrary,

  processRefusal: () => null,
  startThread,
  startProcess: (module, args, descriptors, _needs, workerArgs, _permissions, connections) =>
    spawnWorker(
      process.execPath,
      [
        ...inheritedFlags(process.execArgv, OWN_FLAGS),
        ...workerArgs,
        fileURLToPath(module),
        ...args,
      ],
      descriptors,
      {
        ...withoutInspector(process.env),
        ...(connections === "forks" ? FORKS_ENVIRONMENT : {}),
      },
    ),
  forkRefusal: () => null,
  // 2 KiB for all that ask for little; "forks have random numbers, … of their own" shows it (1.4).
  becomeFork(pid, exit) {
    Object.defineProperty(process, "pid", { value: pid });
    // The template's rehearsal does it for all forks: it is not for what a handler starts.
    if (exit === null) { for (const name in FORKS_ENVIRONMENT) delete process.env[name]; }
    useUp({ blocks: 10, uuids: 0, integers: 0 });
  },
  collectGarbage: () => Bun.gc(true),
  loopIdle: () => null,
  loseUnread() {}, // it is so
  // All threads remember where the first one's links led to (1.4).
  freshUrl: (url) =>
    url.startsWith("file:") ? pathToFileURL(realpathSync(fileURLToPath(url))).href : url,
  restrictionRefusal: () => "Bun cannot take permissions from what it runs: run Trivet on Deno",
};
allowLibrary(runtime);
