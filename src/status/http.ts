/**
 * As much of HTTP as four pages need that are only read: a request's head, checked
 * strictly, and an answer after which the connection ends (RFC 9112).
 * @module
 */
import { joined } from "../connection/pieces.ts";

/** The most bytes of a request. */
export const LARGEST_REQUEST = 8192;

/** What was asked for. */
export interface Request {
  readonly method: string;
  /** Without what stands behind a `?`. */
  readonly path: string;
  /** By name in lower case; of what is given twice, the values with a comma between them. */
  readonly headers: ReadonlyMap<string, string>;
}

/** An answer. */
export interface Response {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) (/[\\x21-\\x7e]*) HTTP/1\\.[01]$`);
// No controls but the tab, RFC 9110, 5.5. The blanks around the value are cut off
// elsewhere: here they could be shared out in so many ways that 8 KiB take minutes.
const FIELD = new RegExp(`^(${TOKEN}):([^\\x00-\\x08\\x0a-\\x1f\\x7f]*)$`);

/** The head of a request, up to its empty line; null if it is none. */
export function parseRequest(head: string): Request | null {
  const [line, ...fields] = head.split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined) return null;
  const headers = new Map<string, string>();
  for (const field of fields) {
    const [, name, whole] = FIELD.exec(field) ?? [];
    if (name === undefined) return null;
    const value = whole.trim();
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return { method, path: target.replace(/\?.*/s, ""), headers };
}

/**
 * Whether a Host header names this machine itself: an address, or localhost. A page
 * elsewhere, whose name its owner lets point here, asks with that name.
 */
export function isOwnHost(host: string | undefined): boolean {
  const name = /^(\[[^\]]+\]|[^:]+)(:\d{1,5})?$/.exec(host ?? "")?.[1];
  if (name === undefined) return false;
  if (name.startsWith("[")) return URL.canParse(`http://${name}`);
  return /^(localhost|\d{1,3}(\.\d{1,3}){3})$/i.test(name);
}

const REASONS: Record<number, string> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  503: "Service Unavailable",
};

/** A line of text. */
export function plain(status: number, text: string, headers = {}): Response {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n`, headers };
}

const encoder = new TextEncoder();

/** An answer's bytes. Nothing may keep it, guess what it is, frame it or read it from elsewhere. */
export function encodeResponse(
  { status, type, body, headers }: Response,
  method: string,
): Uint8Array {
  const content = encoder.encode(body);
  const fields: Record<string, string> = {
    "Content-Type": type,
    "Content-Length": `${content.length}`,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Connection": "close",
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = encoder.encode(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${lines}\r\n`);
  return method === "HEAD" ? head : joined([head, content]);
}
