/**
 * Errors of Node and Bun, which have the POSIX name already.
 * @module
 */
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";

/** The error as Trivet's own class. */
export function systemError(error: unknown): SystemError {
  return error instanceof SystemError
    ? error
    : new SystemError(errorCode(error) ?? "EIO", errorMessage(error), error);
}

/** @throws {SystemError} that is made of the error */
export function fail(error: unknown): never {
  throw systemError(error);
}
