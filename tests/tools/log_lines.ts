/** What `--log json` has written. */
import type { Command } from "./command.ts";

/** An event of the log. */
export interface LogLine {
  readonly type: string;
  readonly id?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly error?: string;
  readonly code?: string;
  readonly remoteAddr?: { readonly port?: number };
  readonly forked?: boolean;
  readonly status?: { readonly port?: number };
  readonly worker?: { readonly id: number };
}

/** The events that are written whole, or those of one type. */
export function events(command: Command, type?: string): LogLine[] {
  const lines = command.stderr.split("\n").slice(0, -1);
  // A runtime that panics writes there too.
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter((line) => !type || line.type === type);
}
