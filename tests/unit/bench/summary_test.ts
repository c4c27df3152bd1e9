import { assert, assertEquals, assertMatch } from "@std/assert";
import type { BenchResult } from "../../../src/bench/json.ts";
import type { RunOutcome } from "../../../src/bench/measure.ts";
import { Pattern } from "../../../src/bench/pattern.ts";
import { snapshot } from "../../../src/bench/process_tree.ts";
import { reportPage } from "../../../src/bench/report.ts";
import {
  formatMemory,
  formatTime,
  type Measured,
  SCENARIOS,
} from "../../../src/bench/scenarios.ts";
import { Histogram, median, spread } from "../../../src/bench/statistics.ts";
import { summarize } from "../../../src/bench/summary.ts";
import { summaryText } from "../../../src/bench/table.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { until } from "../../tools/client.ts";
import { test, text } from "../../tools/unit.ts";

test("median() and spread() of odd and even numbers of values", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 7]), 6);
  assertEquals(spread([90, 100, 120]), 0.15);
});

test("Histogram tells percentiles within 1.6 %, and the largest time exactly", () => {
  const times = new Histogram();
  for (let ms = 1; ms <= 10_000; ms++) times.add(ms / 10);
  for (const part of [0.01, 0.5, 0.9, 0.99, 0.999]) {
    const right = part * 1_000_000;
    const wrong = Math.abs(times.percentile(part) - right) / right;
    assert(wrong < 0.016, `${part}: ${times.percentile(part)} instead of ${right}`);
  }
  assertEquals(times.max, 1_000_000);
  const copy = new Histogram();
  copy.addAll(JSON.parse(JSON.stringify(times.data())));
  assertEquals(copy.total, 10_000);
  assertEquals(copy.percentile(0.5), times.percentile(0.5));
  assertEquals(copy.max, times.max);
});

for (const size of [1, 2, 7, 100, 4096, 65536]) {
  test(`Pattern of ${size} bytes: no "bye", and a buffer is never a whole cycle`, () => {
    const { period, bytes, messages } = new Pattern(size);
    const twice = text(bytes.slice(0, period)) + text(bytes.slice(0, 2));
    assert(!/bye/i.test(twice), "there is a bye");
    assert(messages.every((message) => message.length === size && message[size - 1] === 10));
    assertEquals(period % 8, 0);
    if (size === 1) return; // all newlines: there is nothing to tell apart
    for (const lost of [size, 512, 1024, 4096, 65536]) {
      const moved = bytes.slice(0, 64).every((byte, at) => byte === bytes[(at + lost) % period]);
      assert(!moved, `${lost} lost bytes would not be noticed`);
    }
  });
}

test("Pattern.compare() finds each wrong byte at each place", () => {
  const pattern = new Pattern(100);
  const buffer = new Uint8Array(256);
  const words = new Int32Array(buffer.buffer);
  for (let position = 0; position < 24; position++) {
    for (const length of [1, 2, 3, 4, 5, 31, 100]) {
      buffer.set(pattern.bytes.subarray(position, position + length), position & 7);
      assertEquals(pattern.compare(position, buffer, words, length), -1);
      for (let bad = 0; bad < length; bad++) {
        buffer[(position & 7) + bad] ^= 1;
        assertEquals(pattern.compare(position, buffer, words, length), bad);
        buffer[(position & 7) + bad] ^= 1;
      }
    }
  }
});

function measured(count: number, latency = 0.5): Measured {
  const times = new Histogram();
  for (let n = 0; n < 1000; n++) times.add(latency * (1 + n / 1000));
  return {
    load: {
      milliseconds: 1000,
      connected: 50,
      count,
      bytes: count * 100,
      latency: times.data(),
      fewest: 1,
      most: 2,
      answered: 50,
      unserved: 0,
      wrong: 0,
      firstWrong: null,
      failures: {},
      busy: 0.5,
    },
    cpu: 900,
    memoryBefore: 50_000,
    memory: 51_000,
    processes: 65,
    threads: 321,
    disturbance: 0,
  };
}

const outcomes = (...counts: number[]): RunOutcome[] =>
  counts.map((count) => ({ measured: measured(count), notes: [] }));
const wrong: RunOutcome = { error: "wrong bytes: so many", wrongBytes: true };
const gone: RunOutcome = { error: "died: exit code 7", wrongBytes: false };
const noisy: RunOutcome = {
  measured: measured(100),
  notes: ["other processes used 7 % of the machine"],
};

test("summarize() takes medians, and ratios to the first server that has figures", () => {
  const { rows } = summarize(
    SCENARIOS.message,
    50,
    100,
    new Map([
      ["missing", [gone]],
      ["a", outcomes(1000, 3000, 2000)],
      ["b", [...outcomes(4000, 4000), gone]],
      ["c", [wrong, ...outcomes(9000)]],
      ["d", [noisy, noisy, ...outcomes(100)]],
    ]),
  );
  assertEquals(rows.map(({ main }) => main), [null, 2000, 4000, null, 100]);
  assertEquals(rows.map(({ ratio }) => ratio), [null, 1, 2, null, 0.05]);
  assertEquals(rows[1].spread, 0.5);
  assertEquals(rows[1].figures.cpuMicrosecondsPerMessage, 450);
  assertEquals(rows[1].figures.memoryKibPerConnection, 20);
  assertEquals(rows[2].notes, ["one round failed: died: exit code 7"]);
  assertEquals(rows[3].error, "wrong bytes: so many");
  assertEquals(rows[4].notes, ["other processes used 7 % of the machine, in 2 of 3 rounds"]);
});

for (const scenario of Object.values(SCENARIOS)) {
  test(`the tables of ${scenario.load} have 80 columns at most`, () => {
    const runs = new Map([
      ["multiplex node", outcomes(1_234_567, 1_334_567)],
      ["a very long name of a server", outcomes(99)],
      ["gone", [gone]],
    ]);
    const lines = summaryText(summarize(scenario, 100_000, 1_048_576, runs)).split("\n");
    for (const line of lines) assert(line.length <= 80, `${line.length}: ${line}`);
    assert(lines.includes("! gone: died: exit code 7"));
  });
}

test("formatTime() and formatMemory() use the unit that suits", () => {
  assertEquals([0.4, 12.34, 999.4, 999.9, 12_345, 2_345_678].map(formatTime), [
    "0.40 µs",
    "12.3 µs",
    "999 µs",
    "1.00 ms",
    "12.3 ms",
    "2.35 s",
  ]);
  assertEquals([7.81, 13_000].map(formatMemory), ["7.81 KiB", "12.7 MiB"]);
});

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
    conditions: name,
    summaries,
    blocked: [{ name, waits, error: null }, { name, waits: null, error: name }],
  };
  const page = reportPage(result);
  assert(!page.includes("<script"), "a name was not escaped");
  assert(!/NaN|Infinity|undefined/.test(page), "a number is none");
  assert(!/(src|href)=|url\(|@import/.test(page), "it loads something");
  assertMatch(page, /&lt;script&gt;alert\(&quot;&amp;&quot;\)/);
  for (const title of ["messages/s by connections", "Latency", "Memory by connections"]) {
    assert(page.includes(title), title);
  }
});

Deno.test("snapshot() counts what ended children used, and leaves others out", async () => {
  const runtime = await detect();
  const burn = "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done";
  const command = runtime.startCommand(["sh", "-c", `sh -c '${burn}'; echo done; sleep 60; :`]);
  try {
    await until("the child has ended", () => command.stdout() === "done\n");
    const both = () => snapshot(runtime, command.pid).pids.length === 2;
    await until("the shell and its sleep are there", both);
    const { pids, cpu, others } = snapshot(runtime, command.pid);
    assert(cpu >= 20, `${cpu} ms of CPU time`);
    assert(!pids.some((pid) => others.has(pid)) && !others.has(runtime.pid));
  } finally {
    command.signal("SIGKILL");
    await command.ended;
  }
});
