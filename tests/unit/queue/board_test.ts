/** The board itself, as the main process and two workers have it. */
import { assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { Board, MappedBoard } from "../../../src/queue/board.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { test } from "../../tools/unit.ts";

// What is mapped stays open, see mapMemory.
Deno.test(
  "each worker's line is seen by all, and is nobody's when it is gone",
  { sanitizeOps: true, sanitizeResources: false },
  async () => {
    const runtime = await detect();
    if (runtime.os !== "linux") return;
    const board = new Board(runtime);
    const lines = [board.take(), board.take()];
    assertEquals(lines, [0, 1]);
    const [first, second] = lines.map(() => new MappedBoard(runtime, board.descriptor));
    first.write(0, 3, true);
    second.write(1, 5, true);
    second.write(1, 4, false);
    for (const seen of [first, second]) assertEquals([...seen.read()], [3, 1, 1, 4, 0, 2]);
    board.free(0);
    assertEquals([...second.read()], [0, 0, 1, 4, 0, 2]);
    assertEquals([board.take(), board.take()], [0, 2]);
    assertEquals(second.read().length, 9);
    board.close();
  },
);

test("there is no board where no file may be as large (setrlimit)", () => {
  const functions = { getrlimit: (_: number, limits: Uint8Array) => void (limits[1] = 1) }; // 256
  const runtime = { openLibrary: () => ({ functions, close: () => {} }) } as unknown as Runtime;
  assertThrows(() => new Board(runtime), SystemError, "ulimit -f");
});
