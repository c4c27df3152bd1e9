/**
 * What scripts and tests take from npm: into folders of their own, once, and
 * without running the packages' scripts.
 * @module
 */
const ROOT = new URL("../..", import.meta.url);

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

/** Packages that nothing but scripts and tests needs; returns their node_modules. */
export async function packages(name: string, dependencies: Record<string, string>): Promise<URL> {
  const folder = new URL(`build/${name}/`, ROOT);
  await Deno.mkdir(folder, { recursive: true });
  const manifest = JSON.stringify({ private: true, dependencies });
  await once(folder, manifest, async () => {
    await Deno.writeTextFile(new URL("package.json", folder), manifest);
    await npm(["install", "--ignore-scripts", "--no-package-lock"], folder);
  });
  return new URL("node_modules/", folder);
}

/** What package.json names, as `npm install` brings it: Node needs it to run what is here. */
export async function checkoutPackages(): Promise<void> {
  const manifest = await Deno.readTextFile(new URL("package.json", ROOT));
  await once(ROOT, manifest, () => npm(["install", "--ignore-scripts"], ROOT));
}

/** Installs into `folder` unless that is done; what else wants to waits meanwhile. */
async function once(folder: URL, manifest: string, install: () => Promise<unknown>): Promise<void> {
  await Deno.mkdir(new URL("build/", ROOT), { recursive: true });
  using lock = await Deno.open(new URL("build/npm.lock", ROOT), { create: true, write: true });
  await lock.lock(true);
  // It is written last, so that an installation that was interrupted begins anew.
  const done = new URL("node_modules/.done.json", folder);
  if (await Deno.readTextFile(done).catch(() => "") === manifest) return;
  await install();
  await Deno.writeTextFile(done, manifest);
}
