/**
 * What of the options stands in files: read when a server starts, and again at each reload.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { isEncrypted, type ServingSettings } from "../serving/serving_settings.ts";
import type { Tls } from "../tls/tls_engine.ts";
import { isFile, readAccess } from "./access.ts";
import { readTls } from "../serving/tls_files.ts";

/**
 * The settings with what the files hold now.
 * @throws {SystemError} with one line for the first that is wrong
 */
export function readServing(
  runtime: Runtime,
  tls: Tls | null,
  given: ServingSettings,
): ServingSettings {
  const access = readAccess(runtime, given.access);
  return { ...given, access, tls: tls === null ? given.tls : readTls(runtime, tls, given.tls) };
}

/** The runtime's TLS, where a place is encrypted; else nothing of it is loaded. */
export async function tlsFor(runtime: Runtime, given: ServingSettings): Promise<Tls | null> {
  return isEncrypted(given) ? await runtime.tls() : null;
}

/** Whether there is something that a reload would read again. */
export function canReadAgain({ access, tls }: ServingSettings): boolean {
  const isListed = access !== null && [...access.allow, ...access.deny].some(isFile);
  return isListed || isEncrypted({ tls });
}
