import { assertEquals } from "@std/assert";
import { withoutInspector } from "../../../src/runtimes/inspector.ts";
import { test } from "../../tools/unit.ts";

test("a worker's environment opens no inspector, and is otherwise that of the server", () => {
  const others = { PATH: "/bin", NODE_COMPILE_CACHE: "/tmp/cache" };
  assertEquals(withoutInspector({ ...others, BUN_INSPECT: "ws://127.0.0.1:1/x" }), others);
  for (
    const [before, after] of [
      ["--inspect", ""],
      ["--inspect=127.0.0.1:9229 --no-deprecation", " --no-deprecation"],
      ["--trace-warnings --inspect-brk=0 --title=--inspect", "--trace-warnings --title=--inspect"],
      ["--inspect-port 9330 --inspect-wait --no-warnings", " --no-warnings"],
      ["--import ./inspect.js --inspector", "--import ./inspect.js --inspector"],
    ]
  ) {
    assertEquals(withoutInspector({ ...others, NODE_OPTIONS: before }), {
      ...others,
      NODE_OPTIONS: after,
    });
  }
});
