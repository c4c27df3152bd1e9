/** What is reported of what was thrown, which may be anything. */
import { assert, assertEquals } from "@std/assert";
import { errorReport } from "../../../src/connection/error_report.ts";
import { SystemError } from "../../../src/connection/errors.ts";
import { test } from "../../tools/unit.ts";
import { ODDITIES } from "../../fixtures/handlers/faults.ts";

test("of an error its message, its code, and where it and its cause were thrown", () => {
  const cause = new RangeError("deep");
  const report = errorReport(Object.assign(new Error("top", { cause }), { code: "E_MINE" }));
  assertEquals([report.error, report.code], ["E_MINE: top", "E_MINE"]);
  const [top, deep] = report.stack!.split("\nCaused by: ");
  for (const [stack, first] of [[top, "Error: top"], [deep, "RangeError: deep"]]) {
    assert(stack.startsWith(`${first}\n    at `), stack);
    assert(stack.includes("error_report_test.ts:"), stack);
  }
  assertEquals(errorReport("a text"), { error: "a text" });
});

test("of a client that has vanished no stack, of any other error of the system it", () => {
  assertEquals(errorReport(new SystemError("ECONNRESET", "Reset")), {
    error: "ECONNRESET: Reset",
    code: "ECONNRESET",
  });
  assert(errorReport(new SystemError("ECONNREFUSED", "Refused")).stack);
  assert(errorReport(Object.assign(new Error("slow"), { code: "ETIMEDOUT" })).stack);
});

test("it is bounded, and the lines of the stack are in it", () => {
  const cause = new Error("y".repeat(5_000_000));
  const long = Object.assign(new Error("x".repeat(5_000_000), { cause }), {
    code: "Z".repeat(5_000_000),
  });
  const report = errorReport(long);
  assert(JSON.stringify(report).length < 10_000);
  assert(report.stack!.includes("error_report_test.ts:"), report.stack);
  const deep = errorReport(Object.assign(new Error("deep"), { stack: "at ".repeat(5_000_000) }));
  assert(JSON.stringify(deep).length < 10_000);
});

test("nothing that can be thrown makes it throw", () => {
  for (const odd of ODDITIES) assertEquals(typeof errorReport(odd).error, "string");
  const circle = new Error("circle");
  circle.cause = circle;
  assertEquals(errorReport(circle).error, "circle");
});
