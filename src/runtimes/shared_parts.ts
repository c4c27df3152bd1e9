/**
 * What the adapters of all three runtimes have alike, by Node's modules.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import { builtin } from "./builtin.ts";
import { listenToHandOver } from "./node_listener.ts";
import { processScope } from "./node_worker_process.ts";
import { descriptorLimit, memoryOf } from "./proc.ts";
import { readInput } from "./read_input.ts";

/** What of a {@linkcode Runtime} this gives. */
export const sharedParts: Pick<
  Runtime,
  | "listenToHandOver"
  | "lookup"
  | "processScope"
  | "umask"
  | "socketFile"
  | "readText"
  | "readInput"
  | "removeFile"
  | "freshUrl"
  | "memoryOf"
  | "descriptorLimit"
  | "revocationRefusal"
  | "tls"
> = {
  listenToHandOver,
  lookup: (hostname) =>
    new Promise((resolve, reject) =>
      builtin.dns.lookup(hostname, { all: true }, (error, found) => {
        if (!error && found.length > 0) return resolve(found.map(({ address }) => address));
        reject(new SystemError("ENOTFOUND", `Cannot find the host "${hostname}"`, error));
      })
    ),
  processScope,
  umask: (mask) => builtin.process.umask(mask),
  socketFile(path) {
    const stat = builtin.fs.lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return "none";
    return stat.isSocket() ? { inode: stat.ino } : "not a socket";
  },
  readText: (path) => builtin.fs.readFileSync(path, "utf8"),
  readInput,
  removeFile: (path) => builtin.fs.unlinkSync(path),
  freshUrl: (url) => url,
  memoryOf,
  descriptorLimit,
  revocationRefusal: null,
  tls: () => import("./tls_engine.ts"),
};
