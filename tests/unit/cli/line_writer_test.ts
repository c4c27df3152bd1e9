/** The log, with a reader that takes its time. */
import { assert, assertEquals } from "@std/assert";
import { LineWriter } from "../../../src/cli/line_writer.ts";
import { test } from "../../tools/unit.ts";

const dropped = (count: number) => `${count} dropped`;

test("a main thread that was held up for long has all its lines in the log", async () => {
  const written: string[] = [];
  const log = new LineWriter((text) => Promise.resolve(void written.push(text)), dropped);
  const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i} of a connection that ended`);
  for (const line of lines) log.line(line);
  await log.flush(60_000);
  assertEquals(written.join(""), lines.join("\n") + "\n");
});

test("a log that nobody reads is bounded, goes on later, and counts what it lost", async () => {
  const read = Promise.withResolvers<void>();
  const written: string[] = [];
  const log = new LineWriter((text) => (written.push(text), read.promise), dropped);
  const line = "x".repeat(1023);
  for (let i = 0; i < 5000; i++) log.line(line);
  await log.flush(0);
  assert(written.join("").length <= 1024 * 1024 + 1024, "it kept more than it promises");
  const kept = written[0].length / 1024;
  read.resolve();
  await log.flush(60_000);
  assertEquals(written.slice(1).join(""), `${5000 - kept} dropped\n`);
  log.line("another one");
  await log.flush(60_000);
  assertEquals(written.at(-1), "another one\n");
});
