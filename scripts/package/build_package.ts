/**
 * Builds the npm package into build/npm/: the source as JavaScript with
 * declarations, file for file, a package.json, a README of its own, the docs and
 * the examples.
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import { VERSION } from "../../src/version.ts";
import { packages } from "../tools/npm.ts";

const ROOT = new URL("../..", import.meta.url);
const OUTPUT = new URL("build/npm/", ROOT);

/** Builds it; returns its folder. */
export async function buildPackage(): Promise<URL> {
  if (config.version !== VERSION) {
    throw new Error(`deno.json says ${config.version} and src/version.ts says ${VERSION}`);
  }
  await Deno.remove(OUTPUT, { recursive: true }).catch(() => {});
  await compile();
  await declareDisposable();
  const dependencies = await resolveImports();
  for (const name of ["CHANGELOG.md", "LICENSE"]) {
    await Deno.copyFile(new URL(name, ROOT), new URL(name, OUTPUT));
  }
  await Deno.copyFile(new URL("README.md", import.meta.url), new URL("README.md", OUTPUT));
  for (const folder of ["docs/", "examples/"]) await copyTexts(folder);

  const command = new URL("cli.js", OUTPUT);
  await Deno.writeTextFile(command, `#!/usr/bin/env node\n${await Deno.readTextFile(command)}`);
  await Deno.chmod(command, 0o755);
  const manifest = {
    name: "trivet",
    version: VERSION,
    description: "Serves TCP connections: processes, threads or one event loop, with one handler",
    license: config.license,
    type: "module",
    engines: { node: ">=24", bun: ">=1.4" },
    exports: {
      ".": { types: "./mod.d.ts", default: "./mod.js" },
      "./cli": { types: "./cli.d.ts", default: "./cli.js" },
      "./package.json": "./package.json",
    },
    bin: { trivet: "cli.js" },
    dependencies,
  };
  await Deno.writeTextFile(
    new URL("package.json", OUTPUT),
    JSON.stringify(manifest, null, 2) + "\n",
  );
  return OUTPUT;
}

/** The compilers whose users can take the package's types; the newest builds it. */
const COMPILERS = { oldest: "5.4.5", newest: "7.0.2" };

/** A compiler's path. */
export async function compiler(which: keyof typeof COMPILERS): Promise<string> {
  const version = COMPILERS[which];
  const tools = await packages(`typescript-${version}`, { typescript: version });
  return decodeURIComponent(new URL(".bin/tsc", tools).pathname);
}

async function compile(): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(await compiler("newest"), {
    args: ["--project", "scripts/package/tsconfig.json"],
    cwd: ROOT,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`tsc failed: ${text(stdout)}${text(stderr)}`);
}

/**
 * `AsyncDisposable` is in no library of targets before ESNext. JSR takes no such
 * line in the source, because it declares something for the whole program.
 */
async function declareDisposable(): Promise<void> {
  const types = new URL("mod.d.ts", OUTPUT);
  const line = '/// <reference lib="esnext.disposable" />';
  await Deno.writeTextFile(types, `${line}\n${await Deno.readTextFile(types)}`);
}

/**
 * Puts what the import map says in the place of the names that it maps, because
 * nobody reads it where the package is used; returns the packages that it names.
 */
async function resolveImports(): Promise<Record<string, string>> {
  const dependencies: Record<string, string> = {};
  for await (const file of javascript(OUTPUT)) {
    let text = await Deno.readTextFile(file);
    for (const [name, target] of Object.entries(config.imports)) {
      if (!text.includes(`"${name}"`)) continue;
      const match = /^npm:([^@]+)@([^/]+)(\/.+)$/.exec(target);
      if (!match) throw new Error(`${file.pathname}: ${target} is not on npm`);
      const [, dependency, version, path] = match;
      dependencies[dependency] = version;
      text = text.replaceAll(`"${name}"`, `"${dependency}${path}"`);
    }
    await Deno.writeTextFile(file, text);
  }
  return dependencies;
}

/** The JavaScript files in a folder and the folders in it. */
async function* javascript(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) yield* javascript(new URL(`${entry.name}/`, folder));
    else if (entry.name.endsWith(".js")) yield new URL(entry.name, folder);
  }
}

/** Copies a folder's texts, which then say how it is done with the package. */
async function copyTexts(folder: string): Promise<void> {
  await Deno.mkdir(new URL(folder, OUTPUT));
  for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
    const text = await Deno.readTextFile(new URL(folder + name, ROOT));
    await Deno.writeTextFile(new URL(folder + name, OUTPUT), withPackage(text));
  }
}

/** What is said of a checkout, said of the package. */
function withPackage(text: string): string {
  return text
    .replace(/deno run -A cli\.ts(?=.* --worker-permissions)/g, "deno run -A npm:trivet")
    .replaceAll("deno run -A cli.ts", "npx trivet")
    .replace(/"\.{1,2}\/mod\.ts"/g, '"trivet"');
}

if (import.meta.main) {
  const folder = await buildPackage();
  console.log(`built ${decodeURIComponent(folder.pathname)}`);
}
