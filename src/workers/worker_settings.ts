/**
 * What a worker is started with.
 * @module
 */
import { ON_INPUT, type Runtime } from "../runtime.ts";
import type { ServingSettings } from "../serving/serving_settings.ts";
import type { HandedOverLink } from "./handed_over_worker.ts";
import type { ProcessLink } from "./process_worker.ts";
import type { ThreadLink } from "./thread_worker.ts";

/** What all workers of a server are started with. */
export interface CommonSettings {
  /** The URL of the handler's module. */
  readonly handler: string;
  /** Whether a worker asks before it serves a connection. */
  readonly asks: boolean;
  /**
   * Whether there is a status: a worker that blocks shows what it does, one with an event loop
   * tells of it and of its connections once a second.
   */
  readonly reports: boolean;
  readonly serving: ServingSettings;
}

/** What one worker is started with. */
export interface WorkerSettings extends CommonSettings {
  /** Its number, unique for the server's life; connection ids begin with it. */
  readonly number: number;
  /** How it talks with its supervisor, and how clients reach it. */
  readonly link: ThreadLink | ProcessLink | HandedOverLink;
}

let own: unknown;

/** What this thread or process was started with; null if it is no worker. */
export function ownSettings(runtime: Runtime): WorkerSettings | null {
  const given = runtime.threadScope()?.data ?? (own ??= told(runtime));
  return (given as Partial<WorkerSettings> | null)?.link?.way ? given as WorkerSettings : null;
}

function told(runtime: Runtime): unknown {
  const text = runtime.args.at(-1) ?? "";
  return parse(text === ON_INPUT ? runtime.readInput() : text);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // it is an argument of somebody else's
  }
}
