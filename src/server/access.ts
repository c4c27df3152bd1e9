/**
 * Whom the options let be a client, and the files that they name for it.
 * @module
 */
import { errorMessage, SystemError } from "../connection/errors.ts";
import { Networks } from "../connection/networks.ts";
import type { ServeOptions } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import type { AccessSettings } from "../serving/access_prelude.ts";

/** What names a file with networks, and not a network. */
const IN_FILE = "@";

/** Whether it names a file with networks. */
export function isFile(text: string): boolean {
  return text.startsWith(IN_FILE);
}

/**
 * The lists as they are given; null if there is none.
 * @throws {TypeError} with one line for the first network that is none
 */
export function accessGiven({ allow = [], deny = [] }: ServeOptions): AccessSettings | null {
  for (const [name, list] of Object.entries({ allow, deny })) {
    try {
      new Networks(list.filter((text) => !isFile(text)));
    } catch (error) {
      throw new TypeError(`Cannot serve with ${name}: ${errorMessage(error)}`);
    }
  }
  return allow.length + deny.length === 0 ? null : { allow, deny };
}

/**
 * The lists with what the files hold now. A file has a network on each line; what follows a
 * `#` is left out.
 * @throws {SystemError} with one line, where a file cannot be read or holds something else
 */
export function readAccess(runtime: Runtime, given: AccessSettings | null): AccessSettings | null {
  if (given === null) return null;
  const read = (list: readonly string[]) => list.flatMap((text) => networksIn(runtime, text));
  const [allow, deny] = [read(given.allow), read(given.deny)];
  if (given.allow.length > 0 && allow.length === 0) {
    throw new SystemError(
      "EINVAL",
      "Cannot serve with allow: its files name nobody, so nobody could come",
    );
  }
  return { allow, deny };
}

function networksIn(runtime: Runtime, text: string): string[] {
  if (!isFile(text)) return [text];
  const path = text.slice(IN_FILE.length);
  try {
    const lines = runtime.readText(path).split("\n").map((line) => line.replace(/#.*/, "").trim());
    const networks = lines.filter((line) => line !== "");
    new Networks(networks);
    return networks;
  } catch (error) {
    throw new SystemError(
      "EINVAL",
      `Cannot read the networks in ${path}: ${errorMessage(error)}`,
      error,
    );
  }
}
