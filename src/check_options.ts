/**
 * What was given as options holds nothing that is unknown or of the wrong kind.
 * @module
 */
import { nearest } from "./nearest.ts";

/** What an option may be: in words, and how it is recognized. */
const KINDS = {
  "a number": (value: unknown) => typeof value === "number",
  "a string": (value: unknown) => typeof value === "string",
  "a string or an array of strings": (value: unknown) =>
    typeof value === "string" || areStrings(value),
  "a string or true": (value: unknown) => typeof value === "string" || value === true,
  "true or false": (value: unknown) => typeof value === "boolean",
  "an object": (value: unknown) => tag(value) === "Object",
  "a function": (value: unknown) => typeof value === "function",
  "true or an object": (value: unknown) => value === true || tag(value) === "Object",
  "an object or false": (value: unknown) => tag(value) === "Object" || value === false,
  "an array of strings": areStrings,
  "an array of places": (value: unknown) =>
    Array.isArray(value) &&
    value.every((item) => typeof item === "string" || tag(item) === "Object"),
  "an AbortSignal": (value: unknown) =>
    typeof (value as AbortSignal | null)?.addEventListener === "function",
};

/** What an option may be, in words. */
export type Kind = keyof typeof KINDS;

/**
 * Checks that the options are an object, and each of them one of `kinds`.
 * @param verb what was called: `serve` or `connect`
 * @throws {TypeError} with one line for the first that is wrong
 */
export function checkOptions(
  verb: string,
  options: unknown,
  kinds: Readonly<Record<string, Kind>>,
): void {
  if (tag(options) !== "Object") {
    throw new TypeError(
      `Cannot ${verb}: its options are an object such as { port: 8888 }, and this is ${
        kindOf(options)
      }`,
    );
  }
  for (const [name, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(kinds, name)) {
      const meant = nearest(name, Object.keys(kinds));
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      throw new TypeError(`Cannot ${verb} with ${name}: there is no such option${hint}`);
    }
    if (value !== undefined && !KINDS[kinds[name]](value)) {
      throw new TypeError(
        `Cannot ${verb} with ${name}${shown(value)}: it must be ${kinds[name]}, and this is ${
          kindOf(value)
        }`,
      );
    }
  }
}

/**
 * Checks that a host's name or a Unix socket's path can be one, and that not both are
 * given. Of a name that is empty each runtime makes something else.
 * @throws {TypeError} with one line that says what is wrong
 */
export function checkPlace(
  verb: string,
  options: { readonly path?: string; readonly hostname?: string; readonly port?: number },
): void {
  const { path, hostname, port } = options;
  if (hostname === "" || hostname?.includes("\0")) {
    throw new TypeError(
      `Cannot ${verb} with this hostname: it is an address or a name, without NUL bytes`,
    );
  }
  const mistake = hostname === undefined ? null : hostMistake(hostname, "port", "path");
  if (mistake !== null) {
    throw new TypeError(`Cannot ${verb} with hostname "${hostname}": ${mistake}`);
  }
  if (path === undefined) return;
  if (path === "" || path.includes("\0")) {
    throw new TypeError(`Cannot ${verb} with this path: it is a file's path, without NUL bytes`);
  }
  if (hostname !== undefined || port !== undefined) {
    const name = port !== undefined ? "port" : "hostname";
    throw new TypeError(
      `Cannot ${verb} with path and ${name}: a Unix socket has no host and no port`,
    );
  }
}

/**
 * What is wrong with a host's name that has more in it than a name; null if it has not.
 * @param port the option that the port is given with
 * @param path the option that a Unix socket's path is given with
 */
export function hostMistake(host: string, port: string, path: string): string | null {
  if (host.includes("://")) return `it is a URL; give its host alone, and its port with ${port}`;
  if (/^([^:[\]]+|\[.*\]):\d*$/.test(host)) return `it has a port in it; give that with ${port}`;
  return host.includes("/") ? `it is a path; give it with ${path}` : null;
}

function areStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = tag(value);
  if (name === "Object") return "an object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name === "Array" ? "array" : name}`;
}

/** The value, where it says something in one line. */
function shown(value: unknown): string {
  if (typeof value === "string") return ` ${JSON.stringify(value)}`;
  return ["number", "boolean"].includes(typeof value) ? ` ${value}` : "";
}

/** `Object`, `Array`, `Promise`, also of another realm's. */
function tag(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}
