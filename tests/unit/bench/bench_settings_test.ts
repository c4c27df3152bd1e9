import { assertEquals, assertThrows } from "@std/assert";
import { benchSettings } from "../../../src/bench/bench_settings.ts";
import { UsageError } from "../../../src/cli/usage_error.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { test } from "../../tools/unit.ts";

const runtime = await detect();
const limited = (limit: number) => ({ ...runtime, descriptorLimit: () => limit });

test("without --models all are compared, iterative with its one client", () => {
  const { contestants } = benchSettings(runtime, []);
  assertEquals(contestants.map(({ name }) => name), [
    "multiplex",
    "iterative",
    "thread",
    "process",
  ]);
  assertEquals(contestants[1].capacity, 1);
});

test("too few descriptors for the clients: how many there must be, or how many clients fit", () => {
  const cases: [number, string[], string][] = [
    [90, [], '50 clients: for that many "ulimit -n" must be 150, and it is 90'],
    [
      120,
      [],
      '50 clients: for that many "ulimit -n" must be 150, and it is 120; or give --connections 20',
    ],
    [
      1024,
      ["--scenario", "message,idle"],
      '1,000 clients: for that many "ulimit -n" must be 1100, and it is 1024; or give --connections 924',
    ],
    [
      150,
      ["--connections", "10,51"],
      '51 clients: for that many "ulimit -n" must be 151, and it is 150; or give --connections 50',
    ],
  ];
  for (const [limit, args, message] of cases) {
    const error = assertThrows(() => benchSettings(limited(limit), args), UsageError);
    assertEquals(error.message, message);
  }
  benchSettings(limited(90), ["--help"]);
  benchSettings(limited(150), []);
});

test("what has no use is refused, and told where it has for another scenario", () => {
  const wrong: [string, string][] = [
    ["--scenario blocked --handler h.ts", "--scenario blocked has no use for --handler"],
    [
      "--scenario blocked --size 1 --seconds 1",
      "--scenario blocked has no use for --size, --seconds",
    ],
    ["--json f --report ./f", "--json and --report go to two files"],
  ];
  for (const [line, message] of wrong) {
    assertThrows(() => benchSettings(runtime, line.split(" ")), UsageError, message);
  }
  const both = ["--scenario", "message,blocked", "--connections", "1", "--rounds", "1"];
  assertEquals(benchSettings(runtime, both).unusedByBlocked, ["--connections"]);
});
