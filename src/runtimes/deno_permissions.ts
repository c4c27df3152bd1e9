/**
 * What this process may do under Deno's permissions, and what it lets its workers do.
 * @module
 */

/** Whether this process holds all of a permission; `partial` tells that a part of it is denied. */
export function holds(descriptor: Deno.PermissionDescriptor): boolean {
  const status = Deno.permissions.querySync(descriptor);
  return status.state === "granted" && !status.partial;
}

/**
 * The largest folder above the file that may be read, so that what the file
 * imports can be read too; the file itself if nothing more may be, or null.
 */
function readableAbove(file: URL): string | null {
  const parts = decodeURIComponent(file.pathname).split("/");
  for (let n = 1; n <= parts.length; n++) {
    const path = parts.slice(0, n).join("/") || "/";
    if (holds({ name: "read", path })) return path;
  }
  return null;
}

/**
 * Flags that let a process do what these allow, and nothing else. Deno's
 * node:child_process adds -A unless one permission flag is there (2.9).
 */
export function closed(flags: string[]): string[] {
  return ["--no-prompt", ...flags, ...(flags.includes("--allow-ffi") ? [] : ["--deny-ffi"])];
}

const WHOLE = ["read", "write", "net", "env", "run", "ffi", "sys", "import"] as const;

/** How many flags there are where everything is held. */
export const ALL_FLAGS: number = WHOLE.length;

/**
 * Flags that give a process what this one holds and no more.
 * @param needs the files that it must read
 */
export function permissionFlags(needs: URL[]): string[] {
  const flags = WHOLE.filter((name) => holds({ name } as Deno.PermissionDescriptor))
    .map((name) => `--allow-${name}`);
  if (!flags.includes("--allow-read")) {
    const paths = needs.filter((url) => url.protocol === "file:").map(readableAbove);
    const unique = [...new Set(paths)].filter((path) => path !== null);
    if (unique.length > 0) flags.push(`--allow-read=${unique.join(",")}`);
  }
  return flags;
}

/** What a permission is asked about in part. */
const PARTS: Record<string, string> = {
  read: "path",
  write: "path",
  net: "host",
  env: "variable",
  run: "command",
  sys: "kind",
  import: "host",
};

const FLAG = /^--(allow|deny)-([a-z]+)(?:=(.+))?$/;

/** What is wrong with a permission flag, on whatever runtime; null if it is one that restricts. */
export function flagMistake(flag: string): string | null {
  const name = FLAG.exec(flag)?.[2] ?? "";
  if (name === "ffi" || name === "all") {
    return `with ${flag} there is no restriction: leave it out, or leave out the option`;
  }
  if (Object.hasOwn(PARTS, name)) return null;
  return `"${flag}" is no permission flag of Deno: write --allow-${
    Object.keys(PARTS).join(", --allow-")
  }, or --deny-… of them`;
}

/**
 * Why a process cannot be given these permissions; null if it can. Only what this
 * process holds can be given.
 */
export function restrictionRefusal(permissions: string[]): string | null {
  for (const flag of permissions) {
    const [, verb, name, values] = FLAG.exec(flag)!;
    if (verb === "deny") continue;
    const wanted = values?.split(",").map((value) => ({ name, [PARTS[name]]: value })) ??
      [{ name }];
    if (!wanted.every((descriptor) => holds(descriptor as Deno.PermissionDescriptor))) {
      return `this process does not hold ${flag} itself: run it with that`;
    }
  }
  return null;
}
