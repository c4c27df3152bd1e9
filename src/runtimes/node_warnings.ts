/**
 * What Node warns of, such as a module of which it has to guess the kind: each
 * worker would write its own lines, in the middle of any log.
 * @module
 */
import process from "node:process";
import { cut } from "../connection/errors.ts";

interface Warning extends Error {
  readonly code?: string;
}

/** The name of what Node listens with to write them. */
const WRITER = "onWarning";

/** Gives them to `listener`, unless the user wants to hear of none (`--no-warnings`). */
export function onWarning(listener: (message: string) => void): void {
  const writer = process.listeners("warning").find(({ name }) => name === WRITER);
  if (!writer) return;
  process.off("warning", writer);
  process.on("warning", ({ name, code, message }: Warning) => {
    const kind = `${code ? `[${code}] ` : ""}${name}`;
    listener(cut(`${kind}: ${message.replace(/\s*\n\s*/g, " ")}`));
  });
}
