/**
 * Deno's errors, and their POSIX names.
 * @module
 */
import { errorMessage, SystemError } from "../connection/errors.ts";

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

/** The error as Trivet's own class. */
export function systemError(error: unknown): SystemError {
  const { name, code } = error as { name?: string; code?: string };
  return new SystemError(code ?? CODES[name ?? ""] ?? "EIO", errorMessage(error), error);
}

/** @throws {SystemError} that is made of the error */
export function fail(error: unknown): never {
  throw systemError(error);
}
