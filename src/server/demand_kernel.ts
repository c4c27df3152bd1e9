/**
 * Options for which the kernel has to be asked about a socket, by the C library.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";
import { isInherited, type ListenAt } from "./bind.ts";
import type { Settings } from "./settings.ts";

/**
 * Refuses what cannot be had on sockets that were passed on: keep-alive's times, which would
 * stay on them, and a rate on a Unix socket, which their names do not tell before.
 * @throws {SystemError} with one line that says what to do
 */
export function demandOwn({ keepAlive, serving }: Settings, places: readonly ListenAt[]): void {
  const passedOn = places.filter(isInherited);
  if (serving.minRate > 0 && passedOn.some(({ address }) => address.transport === "unix")) {
    throw new SystemError(
      "ENOTSUP",
      "Cannot demand a rate of clients of a Unix socket: the system does not tell what has come " +
        "to them",
    );
  }
  if (keepAlive === null || passedOn.length === 0) return;
  throw new SystemError(
    "ENOTSUP",
    "Cannot set the times of keep-alive on a socket that was passed on: whoever made it sets " +
      "them (systemd: KeepAliveTimeSec=)",
  );
}

/**
 * Refuses them where it cannot.
 * @param unknown whether the runtime tells no socket's descriptor
 * @throws {SystemError} with one line that says what to do
 */
export function demandKernel(runtime: Runtime, settings: Settings, unknown = false): void {
  const { keepAlive, serving } = settings;
  const what = keepAlive
    ? "set the times of keep-alive"
    : serving.minRate > 0
    ? "demand a rate of clients"
    : null;
  if (what === null) return;
  const why = runtime.os !== "linux" ? "it needs Linux" : runtime.libraryRefusal() ??
    (unknown ? "here sockets are handed over, and their descriptors are not known" : null);
  if (why !== null) {
    throw new SystemError("ENOTSUP", `Cannot ${what}: ${why}, or leave the option out`);
  }
}
