/** A handler's module that does not load: what is wrong with it, where, and what to do. */
import { assertEquals, assertMatch } from "@std/assert";
import { until, visit } from "../tools/client.ts";
import { end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const FINE = "export { default } from 'HANDLER';";
const BROKEN = "export const a = 1;\nexport const b = [1, 2; 3];\n";

/** Files of a project that `npm init` made, without a type or with that of CommonJS. */
const FILES: Record<string, string> = {
  "package.json": '{ "type": "module" }',
  "syntax.ts": BROKEN,
  "imports.ts": 'import { a } from "./syntax.ts";\nexport default () => void a;\n',
  "plain.js": 'import { a } from "./plain_broken.js";\nexport default () => void a;\n',
  "plain_broken.js": BROKEN,
  "throws.ts":
    "const config: { port?: { name: string } } = {};\nexport default config.port!.name;\n",
  "exits.ts": "import process from 'node:process';\nprocess.exit(0);\nexport default () => {};\n",
  "enum.ts": "enum Color { Red }\nexport default () => void Color.Red;\n",
  "property.ts":
    "class A {\n  constructor(private a: number) {}\n}\nexport default () => void A;\n",
  "commonjs/package.json": '{ "type": "commonjs" }',
  "commonjs/exports.ts": "export default () => {};\n",
  "named.cts": "export default () => {};\n",
  "transpiled.cjs": 'Object.defineProperty(exports, "__esModule", { value: true });\n' +
    "exports.default = () => {};\n",
  "transpiled.js": "exports.default = () => {};\n",
};

/** What is said of each, where the runtime does not load it. */
const SAID: readonly (readonly [file: string, runtimes: string, said: RegExp])[] = [
  ["syntax.ts", "deno bun node", /syntax\.ts: .* at file:\/\/\/\S+\/syntax\.ts:2:23\n$/],
  ["imports.ts", "deno bun node", /imports\.ts: .* at file:\/\/\/\S+\/syntax\.ts:2:23\n$/],
  ["plain.js", "deno bun node", /plain\.js: .* at file:\/\/\/\S+\/plain_broken\.js:2:23\n$/],
  ["throws.ts", "deno bun node", / undefined .* at file:\/\/\/\S+\/throws\.ts:2:\d+\n$/],
  ["exits.ts", "deno bun node", /^trivet: Cannot load .*\/exits\.ts: it ends the process .*\n$/],
  ["not there.ts", "deno bun node", /not(%20| )there\.ts[^:]*\n$/],
  ["enum.ts", "node", /enum\.ts:1:1: Node erases types .*enum/],
  ["property.ts", "node", /property\.ts:2:23: Node erases types .*parameter propert/],
  ["commonjs/exports.ts", "node", /exports\.ts:1:1: .* npm pkg set type=module/],
  ["named.cts", "node", /named\.cts:1:1: .* because of its name; .*\.mts\n$/],
  ["transpiled.cjs", "deno node", /must be a function, and is an object: .*CommonJS/],
  ["transpiled.js", "deno node", /exports is not defined.* at \S+transpiled\.js:1:1: .*CommonJS/],
];

async function withFiles(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/commonjs`);
    for (const [name, text] of Object.entries(FILES)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await onEachRuntime(({ on, test, run }) => {
  test("serve says in one line where a module is broken, and what to do", () =>
    withFiles(async (cwd) => {
      for (const [file, runtimes, said] of SAID) {
        if (!runtimes.includes(on.name)) continue;
        await using command = run(["serve", "--port", "0", "--handler", file], { cwd });
        assertEquals(await command.exit(), 1);
        const lines = command.stderr.split("\n").filter((line) => line !== "");
        assertMatch(lines[0] + "\n", said);
        assertEquals(lines.length, 1, command.stderr);
      }
    }));

  for (const model of ["thread", "process"]) {
    test(`serve --model ${model} says where a module is broken, at the start and on reload`, () =>
      withFiles(async (cwd) => {
        const args = ["serve", "--port", "0", "--spares", "1", "--model", model, "--handler"];
        const broken = run([...args, "imports.ts"], { cwd });
        assertEquals(await broken.exit(), 1);
        assertMatch(broken.stderr, /^trivet: Cannot load .*\/syntax\.ts:2:23\n$/);

        const echo = new URL("../../src/handler/echo.ts", import.meta.url).href;
        await Deno.writeTextFile(`${cwd}/handler.ts`, FINE.replace("HANDLER", echo));
        await using command = run([...args, "handler.ts"], { cwd });
        const address = await command.ready();
        await Deno.writeTextFile(`${cwd}/handler.ts`, FILES["imports.ts"]);
        command.child.kill("SIGHUP");
        await until("the refusal", () => /not reloaded.*\n/.test(command.stderr));
        assertMatch(command.stderr, /! not reloaded.*\/handler\.ts: .*\/syntax\.ts:2:23\n/);
        await visit(address);
        await end(command);
      }));
  }
});
