/**
 * What can be asked for, and the answers.
 * @module
 */
import { isOwnHost, plain, type Request, type Response } from "./http.ts";
import { metrics } from "./metrics.ts";
import type { ServerStatus } from "./server_status.ts";

/** What the answers are made of. */
export interface Told {
  status(): ServerStatus;
  readonly ready: boolean;
}

const TEXT = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/**
 * The answer to a request. None changes anything.
 * @param isTcp whether it came by an address that a browser reaches by a name
 */
export async function answer(request: Request, told: Told, isTcp: boolean): Promise<Response> {
  const { method, path, headers } = request;
  if (isTcp && !isOwnHost(headers.get("host"))) {
    return plain(403, "ask for an address or localhost: another name may be somebody else's");
  }
  if (method !== "GET" && method !== "HEAD") {
    return plain(405, "this can only be read", { Allow: "GET, HEAD" });
  }
  switch (path) {
    case "/": {
      const { page } = await import("./page/page.ts");
      return page();
    }
    case "/status.json":
      return {
        status: 200,
        type: "application/json",
        body: `${JSON.stringify(told.status())}\n`,
      };
    case "/metrics": {
      const isOpen = /\bapplication\/openmetrics-text\b/.test(headers.get("accept") ?? "");
      return {
        status: 200,
        type: isOpen ? OPEN_METRICS : TEXT,
        body: metrics(told.status(), isOpen),
      };
    }
    case "/live":
      return plain(200, "live");
    case "/ready":
      return told.ready ? plain(200, "ready") : plain(503, "not ready");
    default:
      return plain(404, "there are /, /status.json, /metrics, /live and /ready");
  }
}
