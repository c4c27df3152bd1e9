/**
 * From the command line of `serve` to what `serve()` is called with.
 * @module
 */
import type { ListenOptions, ServeOptions } from "../../mod.ts";
import { errorMessage } from "../connection/errors.ts";
import { hostMistake } from "../check_options.ts";
import { settle } from "../server/settings.ts";
import type { Given } from "./options.ts";
import { KEEPALIVE, SERVE_OPTIONS, type ServeOption } from "./serve_options.ts";
import { serverTls } from "./tls_options.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The options that were given, as the API takes them.
 * @param passedOn how many listening sockets this process was started with
 * @throws {UsageError} where they do not go together, or serve() would not take one
 */
export function serveSettings(given: Given, passedOn = 0): ServeOptions {
  const listen = placesGiven(given, passedOn);
  const mode = given.text("unix-mode");
  if (
    mode !== undefined && !given.text("unix") &&
    !given.texts("listen").some((at) => /^unix:|^[./]/.test(at))
  ) {
    throw new UsageError("--unix-mode goes with --unix PATH");
  }
  for (const name of ["unix-mode", "status-mode"]) {
    const bits = given.text(name);
    if (bits !== undefined && !/^0?[0-7]{3}$/.test(bits)) {
      throw new UsageError(`--${name} is three octal digits, such as 0660: not "${bits}"`);
    }
  }
  const mistake = hostMistake(given.text("host") ?? "", "--port", "--unix");
  if (mistake !== null) throw new UsageError(`--host ${given.text("host")}: ${mistake}`);
  const permissions = given.texts("worker-permissions");
  if (permissions.includes("none") && permissions.length > 1) {
    throw new UsageError("--worker-permissions none goes without other permissions");
  }
  const tls = serverTls(given);
  const options: ServeOptions = { listen, tls, ...optionsGiven(SERVE_OPTIONS, given) };
  if (permissions[0] === "none") options.workerPermissions = [];
  try {
    settle(options);
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
  return options;
}

/** The places of `--listen`; undefined where they are not given in that way. */
function placesGiven(given: Given, passedOn: number): (string | ListenOptions)[] | undefined {
  const listen = given.texts("listen");
  const [single, second] = ["unix", "host", "port"].filter((name) => given.text(name));
  if (single === "unix" && second) throw new UsageError("--unix goes without --host and --port");
  if (single && listen.length > 0) {
    throw new UsageError(`--${single} goes without --listen, which names all places`);
  }
  if (passedOn > 0 && (single || listen.length > 0 && !listen.some((at) => at.startsWith("fd:")))) {
    throw new UsageError(
      `sockets were passed on to this process (LISTEN_FDS): leave --${single ?? "listen"} out, ` +
        "or name them too with --listen fd:NAME",
    );
  }
  if (listen.length > 0) return listen.map(placeGiven);
  return passedOn > 0 && !single ? ["fd:*"] : undefined;
}

/** `ADDR`, and then `,proxy-protocol=CIDR,…`, or `off` for nobody there, and `,tls=off`. */
function placeGiven(text: string): string | ListenOptions {
  const [at, ...parts] = text.split(",");
  if (parts.length === 0) return at;
  const place: { at: string; proxyProtocol?: string[]; tls?: false } = { at };
  for (const part of parts) {
    const [, first] = /^proxy-protocol=(.+)$/.exec(part) ?? [];
    if (part === "tls=off" && place.tls === undefined) place.tls = false;
    else if (first !== undefined && !place.proxyProtocol) place.proxyProtocol = [first];
    // What follows a network is another one.
    else if (!part.includes("=") && place.proxyProtocol) place.proxyProtocol.push(part);
    else {
      throw new UsageError(
        `--listen ${text}: after the address comes proxy-protocol=CIDR, or off, and tls=off`,
      );
    }
  }
  if (place.proxyProtocol?.length === 1 && place.proxyProtocol[0] === "off") {
    place.proxyProtocol = [];
  }
  return place;
}

/** Those that each set one option of `serve()`, as it takes them. */
export function optionsGiven(options: readonly ServeOption[], given: Given): ServeOptions {
  const settings: { [key in keyof ServeOptions]: unknown } = {};
  for (const option of options) {
    if (option.sets) settings[option.sets] = apiValue(option, given);
    else if ("unsets" in option && given.has(option.name)) settings[option.unsets] = false;
  }
  return settings as ServeOptions;
}

/** An option's value as the API takes it: seconds as milliseconds; undefined if it was not given. */
function apiValue(
  { name, value, range, repeated, list }: ServeOption,
  given: Given,
): unknown {
  if (!value) return given.has(name);
  const texts = given.texts(name);
  if (texts.length === 0) return undefined;
  if (repeated) return texts;
  if (list) return given.list(name);
  if (value === "SECONDS") return Math.round(Number(texts[0]) * 1000);
  if (value === KEEPALIVE) return keepAlive(texts[0]);
  if (value === "MODE") return parseInt(texts[0], 8);
  return range ? Number(texts[0]) : texts[0];
}

/**
 * What `--keepalive` says.
 * @throws {UsageError}
 */
function keepAlive(text: string): ServeOptions["keepAlive"] {
  const [, idle, interval, count] = /^(\d+)(?::(\d+)(?::(\d+))?)?$/.exec(text) ?? [];
  if (idle === undefined) {
    throw new UsageError(
      `--keepalive is ${KEEPALIVE} in whole numbers, such as 60:10:6: not "${text}"`,
    );
  }
  return {
    idle: Number(idle) * 1000,
    ...(interval ? { interval: Number(interval) * 1000 } : {}),
    ...(count ? { count: Number(count) } : {}),
  };
}
