/**
 * A terminal as a screen: its size, and its keys one by one.
 * @module
 */
import { builtin } from "./builtin.ts";

/** How many columns and lines standard output's terminal has now. */
export function screenSize(): { readonly columns: number; readonly rows: number } {
  const { columns, rows } = builtin.process.stdout;
  return { columns: columns || 80, rows: rows || 24 };
}

/** Calls `listener` when that changes; returns what undoes it. */
export function onResize(listener: () => void): () => void {
  const { stdout } = builtin.process;
  stdout.on("resize", listener);
  return () => void stdout.off("resize", listener);
}

/**
 * Calls `listener` with each key that is pressed, Ctrl-C too, and shows none of them;
 * returns what undoes it. Standard input must be a terminal.
 */
export function onKey(listener: (key: string) => void): () => void {
  const { stdin } = builtin.process;
  const onData = (data: Uint8Array) => {
    for (const key of String.fromCharCode(...data)) listener(key);
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  return () => {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
