/** The page. @module */
import type { Response } from "../http.ts";
/** The page. */
export function page(): Response {
  return { status: 200, type: "text/html; charset=utf-8", body: "" };
}
