/**
 * Events as lines for machines.
 * @module
 */
import type { ServerEvent } from "../events.ts";
import { escapeJson } from "./escape.ts";

/** An event as one JSON object, whole; bytes in base64 (RFC 4648). */
export function formatJson(event: ServerEvent): string {
  const json = JSON.stringify(
    event,
    (_, value) => value instanceof Uint8Array ? btoa(String.fromCharCode(...value)) : value,
  );
  return escapeJson(json);
}
