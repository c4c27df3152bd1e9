import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { loadHandler } from "../../../src/handler/load_handler.ts";
import type { BrokenModule } from "../../../src/runtime.ts";
import { ODDITIES } from "../../fixtures/handlers/faults.ts";
import { test } from "../../tools/unit.ts";

const URL = "file:///handler.ts";
const runtime = {
  brokenModule: () => Promise.resolve({ at: null, hint: null }),
  fileUrl: (path: string) => new globalThis.URL(path, "file:///"),
};

test("a handler whose module never finishes loading is given up, with one line", async () => {
  const error = await assertRejects(
    () => loadHandler(runtime, URL, () => new Promise(() => {}), 10),
    Error,
  );
  assertEquals(
    error.message,
    `Cannot load the handler ${URL}: its module has not finished loading after 0.01 s`,
  );
});

test("a handler whose module loads in time leaves no timer behind", async () => {
  const handler = () => {};
  const module = { default: handler, blocking: true };
  assertEquals(await loadHandler(runtime, URL, () => Promise.resolve(module)), {
    handler,
    blocking: true,
    models: null,
  });
  await assertRejects(
    () => loadHandler(runtime, URL, () => Promise.reject(new Error("no such file"))),
    Error,
  );
});

/** What is said of a module whose loading ends with this. */
async function said(error: unknown, known: Partial<BrokenModule> = {}): Promise<string> {
  const knowing = {
    ...runtime,
    brokenModule: () => Promise.resolve({ at: null, hint: null, ...known }),
  };
  const { message } = await assertRejects(
    () => loadHandler(knowing, URL, () => Promise.reject(error)),
    Error,
  );
  return message.replace(`Cannot load the handler ${URL}: `, "");
}

test("a module that waits for itself is told once", async () => {
  const inner = new Error(`Cannot load the handler ${URL}: it waits for itself`);
  assertEquals(await said(Object.assign(inner, { stack: "" })), "it waits for itself");
});

test("of an error that a module throws, the uppermost line in a module of the user's is told", async () => {
  const loader = new globalThis.URL("../../../src/handler/load_handler.ts", import.meta.url).href;
  const thrown = (...lines: string[]) =>
    Object.assign(new Error("no\nport"), { stack: ["Error: no", "port", ...lines].join("\n") });
  const mine = "    at fn (file:///a%20(b)/c.ts:3:5)";
  const above = ["    at JSON.parse (<anonymous>)", "    at node:internal/x:1:2"];
  const caller = [`    at async loadHandler (${loader}:9:9)`, "    at file:///program.ts:1:1"];
  assertEquals(await said(thrown(...above, mine, ...caller)), "no at file:///a%20(b)/c.ts:3:5");
  const ofBun = "    at async fn (/a (b)/c.ts:3:5)";
  assertEquals(await said(thrown(...above, ofBun, ...caller)), "no at file:///a%20(b)/c.ts:3:5");
  const ours = `    at refuse (${loader.replace("load_handler", "echo")}:1:1)`;
  assertEquals(await said(thrown(ours, "    at https://x/y.ts:1:2")), "no at https://x/y.ts:1:2");
  assertEquals(await said(thrown(...above, ...caller)), "no");
  assertEquals(await said(thrown(mine), { at: "file:///d.ts:1:1" }), "no at file:///d.ts:1:1");
});

test("of several errors the first is told, and what to do where that is known", async () => {
  const errors = [new Error("first"), new Error("second")];
  const several = Object.assign(new AggregateError(errors, "2 errors"), { stack: undefined });
  assertEquals(await said(several, { hint: "do this" }), "2 errors: first: do this");
  assertMatch(await said(new ReferenceError("exports is not defined")), /: it was compiled to C/);
  // A line of somebody's, in a module that may export as it should.
  assertMatch(await said(new ReferenceError("require is not defined")), / defined at \S+$/);
});

test("a module may throw anything", async () => {
  for (const odd of ODDITIES) await said(odd);
});

test("a default export that is no function is told apart", async () => {
  for (
    const [value, what] of [
      [undefined, "missing"],
      [null, "null"],
      ["text", "a string"],
      [{}, "an object"],
      [{ default: () => {} }, 'an object: it was compiled to CommonJS; .*"module": "nodenext"'],
    ] as const
  ) {
    const { message } = await assertRejects(
      () => loadHandler(runtime, URL, () => Promise.resolve({ default: value })),
      Error,
    );
    assertMatch(message, new RegExp(`must be a function, and is ${what}`));
  }
});

test("a `blocking` that is neither true nor false is refused", async () => {
  const load = (blocking: unknown) =>
    loadHandler(runtime, URL, () => Promise.resolve({ default: () => {}, blocking }));
  for (
    const [value, what] of [[1, "a number"], ["yes", "a string"], [null, "null"], [{}, "an object"]]
  ) {
    const { message } = await assertRejects(() => load(value), Error);
    assertMatch(
      message,
      new RegExp(`${URL}: its \`blocking\` must be true or false, and is ${what}$`),
    );
  }
  assertEquals((await load(undefined)).blocking, false);
  assertEquals((await load(false)).blocking, false);
});
