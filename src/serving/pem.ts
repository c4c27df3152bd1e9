/**
 * Certificates and keys as options give them.
 * @module
 */
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import type { Runtime } from "../runtime.ts";

/**
 * The text itself if it is PEM (RFC 7468), else what the file holds that it names.
 * @param option whose it is, for the error
 * @throws {SystemError} if there is no such file
 */
export function pemOf(runtime: Pick<Runtime, "readText">, given: string, option: string): string {
  if (given.includes("-----BEGIN")) return given;
  try {
    return runtime.readText(given);
  } catch (error) {
    throw new SystemError(
      errorCode(error) ?? "EINVAL",
      `Cannot read ${given} (${option}): ${errorMessage(error)}`,
      error,
    );
  }
}
