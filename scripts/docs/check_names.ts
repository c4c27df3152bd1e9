/**
 * Each file that the docs, and comments in the code, name is there.
 * @module
 */
const ROOT = new URL("../..", import.meta.url);

/** Files of a reader's own, in examples. */
const EXAMPLES = new Set(["shout.ts", "my_handler.ts", "handler.ts", "echo_copy.ts"]);

function* files(folder: URL, path = ""): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) {
      if (!["build", "node_modules", ".git"].includes(entry.name)) {
        yield* files(new URL(`${entry.name}/`, folder), `${path}${entry.name}/`);
      }
    } else yield path + entry.name;
  }
}

/** The names of files in a text: `connections.ts`, `src/serving/connections.ts`, `docs/models.md`. */
function* names(text: string): Generator<string> {
  for (const [name] of text.matchAll(/(?<![\w/.@-])(?:[\w.-]+\/)*[\w-]+\.(?:ts|md)\b(?!\/)/g)) {
    yield name.replace(/^(?:\.\.?\/)+/, "");
  }
}

/** The comments of code. */
function comments(code: string): string {
  return [...code.matchAll(/\/\*[\s\S]*?\*\/|(?<![:"'`\w])\/\/.*/g)].join("\n");
}

if (import.meta.main) {
  const all = [...files(ROOT)];
  const known = (name: string) => all.some((file) => file === name || file.endsWith(`/${name}`));
  let wrong = 0;
  for (const file of all) {
    if (!/\.(ts|md)$/.test(file)) continue;
    const text = Deno.readTextFileSync(new URL(file, ROOT));
    for (const name of new Set(names(file.endsWith(".ts") ? comments(text) : text))) {
      if (known(name) || EXAMPLES.has(name.split("/").at(-1)!)) continue;
      console.error(`${file}: names ${name}, which is not there`);
      wrong++;
    }
  }
  if (wrong > 0) Deno.exit(1);
}
