/**
 * The same cases on every runtime, under every model: the promise of Trivet. Each
 * runtime has a test file, because the tests of one file run in turn.
 */
import { assert, assertEquals } from "@std/assert";
import type { ModelName } from "../../mod.ts";
import { MODELS } from "../../src/server/models.ts";
import { Authority, noOpenssl } from "../tools/certificates.ts";
import type { Target } from "../tools/targets.ts";

const INSIDE = new URL("./inside.ts", import.meta.url).pathname;
const NAMES = Object.keys(MODELS) as ModelName[];

const HANDLERS = {
  "built in": "",
  "timers, another socket and streams":
    new URL("../fixtures/handlers/mixed.ts", import.meta.url).href,
};

/** It is used alone where another handler would show nothing new. */
export const builtIn: Record<string, string> = { "built in": HANDLERS["built in"] };

/** Rows of the table: a runtime and the way, with what came of each model. */
const table = new Map<string, Map<string, string>>();

function note(row: string, column: string, passed: number, failed: number): void {
  const cells = table.get(row) ?? new Map();
  table.set(row, cells);
  const before = cells.get(column) ?? "0 passed";
  const [p, f] = [passed, failed].map((n, i) => n + Number(before.match(/\d+/g)?.[i] ?? 0));
  cells.set(column, f > 0 ? `${p} passed, ${f} FAILED` : `${p} passed`);
}

/** Defines the tests of one pair, once for each handler. */
export function define(
  on: Target,
  model: ModelName,
  handlers: Record<string, string>,
  way: string,
  row = way === "shared" ? on.name : `${on.name}, ${way}`,
  certificates: string[] = [],
) {
  for (const [name, handler] of Object.entries(handlers)) {
    Deno.test(`${row}: ${model}, ${name}`, async (t) => {
      const [program, ...args] = on.run;
      const child = new Deno.Command(program, {
        args: [...args, INSIDE, model, handler, way, ...certificates],
        env: { NO_COLOR: "1" },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const stderr = new Response(child.stderr).text();
      let [passed, failed, rest] = [0, 0, ""];
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        for (const line of lines) {
          const { name, error } = JSON.parse(line);
          if (error) failed++;
          else passed++;
          await t.step(name, () => assert(!error, error));
        }
      }
      const { code } = await child.status;
      note(row, model, passed, failed);
      assertEquals(code, 0, await stderr);
      assertEquals(await stderr, ""); // no warning either
      assert(passed > 10, `only ${passed} cases were run`);
    });
  }
}

/** What every runtime that can open the C library promises. */
export function defineAll(on: Target): void {
  for (const model of NAMES) {
    define(on, model, model === "iterative" ? builtIn : HANDLERS, "shared");
  }
  define(on, "process", builtIn, "started"); // the other handler is never forked
  define(on, "process", on.name === "deno" ? HANDLERS : builtIn, "handed over");
  define(on, "multiplex", builtIn, "workers");
}

/** The same where every byte is encrypted. */
export function defineTls(on: Target): void {
  if (noOpenssl) return Deno.test({ name: `${on.name}, TLS: ${noOpenssl}`, ignore: true, fn() {} });
  const authority = new Authority();
  authority.issue("localhost", { names: ["localhost"] });
  addEventListener("unload", () => authority[Symbol.dispose]());
  const row = `${on.name}, TLS`;
  for (const model of NAMES) {
    define(on, model, builtIn, "shared", row, [authority.folder]);
  }
  define(on, "process", builtIn, "handed over", `${row}, handed over`, [authority.folder]);
  define(on, "multiplex", builtIn, "workers", `${row}, workers`, [authority.folder]);
}

/** Shows what came of the pairs that were defined before it. */
export function defineTable(): void {
  Deno.test("the table of all pairs", () => {
    const lines = [...table].map(([row, cells]) =>
      `    ${row.padEnd(20)}${NAMES.map((m) => `${m}: ${cells.get(m) ?? "-"}`.padEnd(26)).join("")}`
    );
    console.log(["", ...lines].join("\n"));
    assert(![...table.values()].some((cells) => [...cells.values()].join().includes("FAILED")));
  });
}
