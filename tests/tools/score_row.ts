/** Rows of a scoreboard, as workers have them. */
import { assert } from "@std/assert";
import { ringBytes } from "../../src/status/event_ring.ts";
import { ScoreRow } from "../../src/status/scoreboard.ts";

/** The row of a worker with this number. */
export function claimed(
  memory: ArrayBufferLike,
  number: number,
  each: "one" | "many" = "one",
  shows = true,
): ScoreRow {
  const row = new ScoreRow(memory, ringBytes(each));
  assert(row.claim(number, shows));
  return row;
}
