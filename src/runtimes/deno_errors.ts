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
  const message = errorMessage(error);
  return new SystemError(code ?? CODES[name ?? ""] ?? lookupCode(message) ?? "EIO", message, error);
}

/** What Node and Bun call a failed look-up, which has no class of its own (2.9). */
function lookupCode(message: string): string | undefined {
  if (/^invalid (empty )?host/.test(message)) return "ENOTFOUND";
  if (!message.startsWith("failed to lookup address information")) return undefined;
  return message.includes("Temporary") ? "EAI_AGAIN" : "ENOTFOUND";
}

/** @throws {SystemError} that is made of the error */
export function fail(error: unknown): never {
  throw systemError(error);
}
