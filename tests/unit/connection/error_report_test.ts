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

test("the class of an error that is no plain one is told, once", () => {
  const errors: [Error, string][] = [
    [new TypeError("no such"), "TypeError: no such"],
    [new DOMException("gone", "AbortError"), "AbortError: gone"],
    [new AggregateError([]), "AggregateError"],
    [Object.assign(new TypeError("bad"), { code: "ERR_X" }), "TypeError: ERR_X: bad"],
    [new RangeError("RangeError: said"), "RangeError: said"],
    [new Error("plain"), "plain"],
    [Object.assign(new TypeError("bad"), { code: "EINVAL" }), "EINVAL: bad"],
  ];
  for (const [error, told] of errors) assertEquals(errorReport(error).error, told);
});

test("an aggregate's errors are told, and nothing twice", () => {
  const both = [new TypeError("one"), "two", new Error("three", { cause: "because" })];
  const { stack } = errorReport(new AggregateError(both, "all of them"));
  const headers = stack!.split("\n").filter((line) => !line.startsWith("    at "));
  assertEquals(headers, [
    "AggregateError: all of them",
    "One of its errors: TypeError: one",
    "One of its errors: two",
    "One of its errors: Error: three",
    "Caused by: because",
  ]);
  const circle = new Error("circle", { cause: new Error("half") });
  (circle.cause as Error).cause = circle;
  assertEquals(errorReport(circle).stack!.match(/^(Caused by: )?Error: \w+/mg), [
    "Error: circle",
    "Caused by: Error: half",
  ]);
});

test("where a runtime gives an error no stack, the errors below it are told all the same", () => {
  const bare = Object.assign(new AggregateError([new Error("one")]), { stack: undefined });
  assert(
    errorReport(bare).stack!.startsWith("AggregateError\nOne of its errors: Error: one\n    at"),
  );
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
