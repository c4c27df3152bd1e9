/**
 * The modules of Node, loaded when they are first used. A worker process on
 * Deno uses none of them, and they would be the larger half of its start (2.9:
 * time `deno run` of an empty file, 70 ms, and of one that imports node:fs, 120).
 * @module
 */

type Process = NodeJS.Process;

/** What all three runtimes have; Deno makes it when it is first looked at. */
function nodeProcess(): Process {
  return (globalThis as unknown as { process: Process }).process;
}

/** The modules, and `process` itself. */
export const builtin = {
  get process(): Process {
    return nodeProcess();
  },
  get childProcess(): typeof import("node:child_process") {
    return nodeProcess().getBuiltinModule("node:child_process");
  },
  get crypto(): typeof import("node:crypto") {
    return nodeProcess().getBuiltinModule("node:crypto");
  },
  get dns(): typeof import("node:dns") {
    return nodeProcess().getBuiltinModule("node:dns");
  },
  get fs(): typeof import("node:fs") {
    return nodeProcess().getBuiltinModule("node:fs");
  },
  get inspector(): typeof import("node:inspector") {
    return nodeProcess().getBuiltinModule("node:inspector");
  },
  get module(): typeof import("node:module") {
    return nodeProcess().getBuiltinModule("node:module");
  },
  get net(): typeof import("node:net") {
    return nodeProcess().getBuiltinModule("node:net");
  },
  get stream(): typeof import("node:stream") {
    return nodeProcess().getBuiltinModule("node:stream");
  },
  get tls(): typeof import("node:tls") {
    return nodeProcess().getBuiltinModule("node:tls");
  },
  get url(): typeof import("node:url") {
    return nodeProcess().getBuiltinModule("node:url");
  },
  get v8(): typeof import("node:v8") {
    return nodeProcess().getBuiltinModule("node:v8");
  },
  get vm(): typeof import("node:vm") {
    return nodeProcess().getBuiltinModule("node:vm");
  },
  get workerThreads(): typeof import("node:worker_threads") {
    return nodeProcess().getBuiltinModule("node:worker_threads");
  },
};
