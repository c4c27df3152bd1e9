/**
 * What of the options stands in files: read when a server starts, and again at each reload.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import type { ServingSettings } from "../serving/serving_settings.ts";
import { isFile, readAccess } from "./access.ts";
import { readTls } from "../serving/tls_files.ts";

/**
 * The settings with what the files hold now.
 * @throws {SystemError} with one line for the first that is wrong
 */
export function readServing(runtime: Runtime, given: ServingSettings): ServingSettings {
  const access = readAccess(runtime, given.access);
  return { ...given, access, tls: readTls(runtime, given.tls) };
}

/** Whether there is something that a reload would read again. */
export function canReadAgain({ access, tls }: ServingSettings): boolean {
  const isListed = access !== null && [...access.allow, ...access.deny].some(isFile);
  return isListed || tls.some((secured) => secured !== null);
}
