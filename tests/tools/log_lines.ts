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
  // A runtime that panics writes there too, also the half of a line before one of these.
  const lines = [...command.stderr.matchAll(/\{"time":.*(?=\n)/g)].map(([line]) =>
    JSON.parse(line)
  );
  return lines.filter((line) => !type || line.type === type);
}
