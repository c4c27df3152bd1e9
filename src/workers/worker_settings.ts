/**
 * What a worker is started with.
 * @module
 */
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
  readonly serving: ServingSettings;
}

/** What one worker is started with. */
export interface WorkerSettings extends CommonSettings {
  /** Its number, unique for the server's life; connection ids begin with it. */
  readonly number: number;
  /** How its supervisor and it talk, and how its clients reach it. */
  readonly link: ThreadLink | ProcessLink | HandedOverLink;
}
