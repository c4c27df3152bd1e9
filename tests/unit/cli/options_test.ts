import { assert, assertEquals, assertThrows } from "@std/assert";
import { BENCH_OPTIONS } from "../../../src/bench/bench_options.ts";
import { describeOptions } from "../../../src/cli/describe_options.ts";
import { parseOptions } from "../../../src/cli/options.ts";
import { SERVE_OPTIONS } from "../../../src/cli/serve_options.ts";
import { UsageError } from "../../../src/cli/usage_error.ts";
import { test } from "../../tools/unit.ts";

test("an option that is unknown names the nearest that there is", () => {
  for (
    const [argument, line] of [
      ["--prot", "unknown option --prot; did you mean --port? See --help"],
      ["--Port=1", "unknown option --Port; did you mean --port? See --help"],
      ["-port", "unknown option -port; did you mean --port? See --help"],
      ["--hostname", "unknown option --hostname; did you mean --host? See --help"],
      [
        "--max_connection",
        "unknown option --max_connection; did you mean --max-connections? See --help",
      ],
      ["--timeout", "unknown option --timeout; did you mean --idle-timeout? See --help"],
      ["--nope", "unknown option --nope; see --help"],
      ["-x", "unknown option -x; see --help"],
    ]
  ) {
    const error = assertThrows(() => parseOptions([argument, "1"], SERVE_OPTIONS), UsageError);
    assertEquals(error.message, line);
  }
  assertThrows(
    () => parseOptions(["--model", "process"], BENCH_OPTIONS),
    UsageError,
    "did you mean --models?",
  );
});

test("a switch takes no value", () => {
  for (const value of ["no", "false", ""]) {
    assertThrows(
      () => parseOptions([`--verbose=${value}`], SERVE_OPTIONS),
      UsageError,
      "--verbose takes no value",
    );
  }
  assertEquals(parseOptions(["--verbose"], SERVE_OPTIONS).has("verbose"), true);
});

test("the text of an option begins in its column, on the next line if the name is long", () => {
  const name = String.raw`  --\S+( \S+)?`;
  const alone = new RegExp(`^${name}$`);
  const withText = new RegExp(`^(?=.{26}  \\S)(${name})? +\\S`);
  for (const options of [SERVE_OPTIONS, BENCH_OPTIONS]) {
    for (const line of describeOptions(options).split("\n")) {
      assert((alone.test(line) || withText.test(line)) && line.length <= 80, line);
    }
  }
});
