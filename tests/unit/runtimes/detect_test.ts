import { assert, assertThrows } from "@std/assert";
import { demand } from "../../../src/runtimes/detect.ts";

Deno.test("demand() names the version that is needed, and lets newer ones pass", () => {
  for (const [name, version] of [["Node", "20.20.2"], ["Bun", "1.3.9"], ["Deno", "2.8.0"]]) {
    const { message } = assertThrows(() => demand(name as "Node", version), Error);
    assert(message.includes("or newer") && message.includes(version), message);
    assert(!message.includes("\n"));
  }
  for (const [name, version] of [["Node", "24.0.0"], ["Bun", "1.4.0"], ["Deno", "3.0.0"]]) {
    demand(name as "Node", version);
  }
});
