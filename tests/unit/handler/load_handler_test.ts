import { assertEquals, assertRejects } from "@std/assert";
import { loadHandler } from "../../../src/handler/load_handler.ts";
import { test } from "../../tools/unit.ts";

const URL = "file:///handler.ts";

test("a handler whose module never finishes loading is given up, with one line", async () => {
  const error = await assertRejects(() => loadHandler(URL, () => new Promise(() => {}), 10), Error);
  assertEquals(
    error.message,
    `Cannot load the handler ${URL}: its module has not finished loading after 0.01 s`,
  );
});

test("a handler whose module loads in time leaves no timer behind", async () => {
  const handler = () => {};
  const module = { default: handler, blocking: true };
  assertEquals(await loadHandler(URL, () => Promise.resolve(module)), { handler, blocking: true });
  await assertRejects(
    () => loadHandler(URL, () => Promise.reject(new Error("no such file"))),
    Error,
  );
});
