import { assert, assertMatch } from "@std/assert";
import type { BenchResult } from "../../../src/bench/json.ts";
import { reportPage } from "../../../src/bench/report.ts";
import { SCENARIOS } from "../../../src/bench/scenarios.ts";
import { summarize } from "../../../src/bench/summary.ts";
import { test } from "../../tools/unit.ts";
import { gone, outcomes } from "./outcomes.ts";

test("the page loads nothing, and shows a name as it is written", () => {
  const name = `<script>alert("&")</script>`;
  const summaries = Object.values(SCENARIOS).flatMap((scenario) =>
    [1, 50].map((connections) =>
      summarize(
        scenario,
        connections,
        100,
        new Map([[name, outcomes(10, 20)], [`'${name}`, [gone]]]),
      )
    )
  );
  const waits = { silent: "over 2 s", computes: 400, crashes: name };
  const result: BenchResult = {
    about: name,
    command: `trivet bench --peer '${name}'`,
    conditions: name,
    summaries,
    blocked: [{ name, waits, error: null }, { name, waits: null, error: name }],
  };
  const page = reportPage(result);
  assert(!page.includes("<script"), "a name was not escaped");
  assert(!/NaN|Infinity|undefined/.test(page), "a number is none");
  assert(!/(src|href)=|url\(|@import/.test(page), "it loads something");
  assertMatch(page, /&lt;script&gt;alert\(&quot;&amp;&quot;\)/);
  assertMatch(page, /<code>trivet bench --peer &#39;&lt;script/);
  assertMatch(page, /closed loop/);
  for (const title of ["messages/s by connections", "Latency", "Memory by connections"]) {
    assert(page.includes(title), title);
  }
});
