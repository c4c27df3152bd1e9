import { assertEquals } from "@std/assert";
import { inheritedFlags } from "../../../src/runtimes/inherited_flags.ts";
import { test } from "../../tools/unit.ts";

test("workers have no flag of the main process's own, nor its value", () => {
  const own = /^--?(inspect|e\b)/;
  for (
    const [given, kept] of [
      ["", ""],
      ["--inspect-port 9330", ""],
      [
        "--import ./one.js --inspect-port 9330 --import ./two.js",
        "--import ./one.js --import ./two.js",
      ],
      ["--inspect=9330 --smol", "--smol"],
      ["-e -1 --smol", "--smol"],
      ["--conditions dev --inspect", "--conditions dev"],
    ]
  ) {
    assertEquals(
      inheritedFlags(given.split(" ").filter(Boolean), own),
      kept.split(" ").filter(Boolean),
      given,
    );
  }
});
