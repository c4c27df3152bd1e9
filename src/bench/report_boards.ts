/**
 * The scoreboards of the servers side by side, as each stood at the end of its last
 * run, with all clients still there.
 * @module
 */
import { type Letter, LETTERS } from "../status/letters.ts";
import type { Board } from "./figures.ts";
import { escape } from "./plot.ts";
import type { Summary } from "./summary.ts";
import { formatMemory, plural } from "./units.ts";

/** Above the scoreboards. */
export function boardsTitle({ connections }: Summary): string {
  return `Who was where with ${plural(connections, "client")}, at the end of the last run`;
}

/** The scoreboards; null if no server has told of itself. */
export function boards({ rows }: Summary): string | null {
  const told = rows.flatMap(({ name, runs }) => {
    const board = runs.at(-1)?.board;
    return board ? [{ name, board }] : [];
  });
  if (told.length === 0) return null;
  const letters = new Set(told.flatMap(({ board }) => [...board.scoreboard]));
  const key = Object.entries(LETTERS).filter(([letter]) => letters.has(letter)).map((
    [letter, meaning],
  ) => `<span class="place ${dress(letter)}" aria-hidden="true">${letter}</span> ${meaning}`);
  return `<div class="boards">${
    told.map(({ name, board }) => one(name, board)).join("\n")
  }</div>\n<p class="notes many">${key.join(" &nbsp; ")}</p>`;
}

function one(name: string, board: Board): string {
  const { scoreboard, open, waiting, busy, memory } = board;
  const size = scoreboard.length > 256 ? " crowd" : scoreboard.length > 64 ? " many" : "";
  const places = [...scoreboard].map((letter) =>
    `<li class="place ${dress(letter)}">${escape(letter)}</li>`
  );
  const says = [
    plural(open, "connection"),
    ...(waiting === null ? [] : [`${waiting} waiting`]),
    ...(board.workers[0]?.name === "main"
      ? ["one loop"]
      : [plural(board.workers.length, "worker")]),
    ...(busy === null ? [] : [`busy ${Math.round(100 * busy)} %`]),
    ...(memory === null ? [] : [`main process ${formatMemory(memory / 1024)}`]),
  ];
  return `<div><h4>${escape(name)}</h4><ul class="board${size}" role="img" aria-label="${
    escape(says.join(", "))
  }">${places.join("")}</ul><p class="notes">${escape(says.join(", "))}</p></div>`;
}

function dress(letter: string): string {
  const names: Partial<Record<Letter, string>> = { ".": "none", _: "idle", "?": "unknown" };
  return `p${names[letter as Letter] ?? letter}`;
}
