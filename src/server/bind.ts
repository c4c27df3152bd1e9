/**
 * Take the address, or say in one line why not.
 * @module
 */
import { type Address, formatAddress } from "../connection/connection.ts";
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import { DARWIN, LINUX } from "../posix/constants.ts";
import { encodeAddress } from "../posix/socket_address.ts";
import type { Runtime } from "../runtime.ts";

/**
 * Binds; where a Unix socket's file is left over from a server that is gone,
 * in its place.
 * @param mode the permission bits of a Unix socket's file; null: what umask leaves
 * @param open must bind before it returns, also where it returns a promise
 * @throws {SystemError} with one line that says what to do
 */
export async function bind<T>(
  runtime: Runtime,
  address: Address,
  mode: number | null,
  open: () => T | Promise<T>,
): Promise<T> {
  // By umask, because between bind and chmod the file would be open to more.
  const listen = () => {
    const before = mode === null ? null : runtime.umask(0o777 & ~mode);
    try {
      return open();
    } finally {
      if (before !== null) runtime.umask(before);
    }
  };
  // Each runtime says in its own way that a path is too long.
  if (address.transport === "unix") encodeAddress(address, runtime.os === "linux" ? LINUX : DARWIN);
  try {
    return await listen();
  } catch (error) {
    if (errorCode(error) === "EADDRINUSE" && address.transport === "unix") {
      const file = runtime.socketFile(address.path);
      if (file === "not a socket") {
        throw new SystemError(
          "EADDRINUSE",
          `Cannot listen on ${
            formatAddress(address)
          }: a file is there that is no socket; pick another path`,
          error,
        );
      }
      if (typeof file === "object" && !await answers(runtime, address)) {
        const now = runtime.socketFile(address.path);
        // Another server may have replaced it meanwhile.
        if (typeof now === "object" && now.inode === file.inode) runtime.removeFile(address.path);
        try {
          return await listen();
        } catch (again) {
          throw bindError(address, again);
        }
      }
    }
    throw bindError(address, error);
  }
}

async function answers(runtime: Runtime, address: Address): Promise<boolean> {
  try {
    (await runtime.connect(address)).close();
    return true;
  } catch (error) {
    return errorCode(error) !== "ECONNREFUSED";
  }
}

const BIND_HINTS: Record<string, string> = {
  EADDRINUSE: "it is in use; stop what listens there or pick another",
  EADDRNOTAVAIL: "no interface of this machine has that address",
  EPERM: "permission denied",
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder does not exist",
};

function bindError(address: Address, error: unknown): Error {
  const code = errorCode(error);
  if (code === undefined || code === "ENAMETOOLONG") return error as Error;
  const reserved = code === "EACCES" && address.transport === "tcp" && address.port > 0 &&
    address.port < 1024;
  const hint = reserved
    ? "permission denied; ports below 1024 are for root"
    : BIND_HINTS[code] ?? errorMessage(error).split("\n")[0];
  return new SystemError(
    code,
    `Cannot listen on ${formatAddress(address)}: ${hint}`,
    error,
  );
}
