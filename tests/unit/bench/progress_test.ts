import { assert, assertEquals } from "@std/assert";
import { Progress } from "../../../src/bench/progress.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { test } from "../../tools/unit.ts";

const runtime = await detect();
const RUNS = [{ kind: "message ×50 process", expected: 5000 }];

/** What is written of a run, on a terminal that is so wide or elsewhere (null). */
async function shown(columns: number | null): Promise<string> {
  let written = "";
  const output = {
    ...runtime,
    isTerminal: () => columns !== null,
    writeOut(_: string, text: string | Uint8Array) {
      written += text;
      return Promise.resolve();
    },
  };
  const progress = new Progress(output, RUNS, () => columns!);
  progress.start(RUNS[0].kind, ", round 1 of 3");
  progress.doing("starting 50 workers");
  progress.end("so many messages");
  await progress.close();
  return written;
}

/** What is on the line after each step. */
async function lines(columns: number): Promise<string[]> {
  return (await shown(columns)).split("\r").map((line) => line.replace("\x1b[K", ""));
}

test("the bar says what a run does now", async () => {
  const drawn = await lines(80);
  assertEquals(drawn.at(-2), "·········· 1/1, 5 s left: message ×50 process: starting 50 workers");
  assertEquals(drawn.at(-1), "", "it is taken away");
});

for (const columns of [79, 40, 3]) {
  test(`the bar never fills a line of ${columns} columns, so that it does not scroll`, async () => {
    for (const line of await lines(columns)) assert(line.length < columns, line);
  });
}

test("elsewhere than on a terminal each run is a line", async () => {
  assertEquals(
    await shown(null),
    "[1/1] message ×50 process, round 1 of 3: so many messages\n",
  );
});
