/**
 * Whom `connect` is to call, as people write it.
 * @module
 */
import type { Address } from "../../mod.ts";
import { hostMistake } from "../check_options.ts";
import { standard } from "../server/settings.ts";
import type { Given } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** What one word says. */
interface Place {
  readonly host?: string;
  readonly port?: string;
}

/**
 * The address that words and options name: `HOST PORT`, `HOST:PORT`, either of them
 * alone, `[::1]:8888`, and `unix:PATH`, which is what a server prints.
 * @throws {UsageError} where it is none, or is given twice
 */
export function target(given: Given): Address {
  const { words } = given;
  const path = given.text("unix");
  const isTcp = words.length > 0 || given.text("host") !== undefined ||
    given.text("port") !== undefined;
  if (path !== undefined) {
    if (isTcp) throw new UsageError("--unix goes without a host and a port");
    return { transport: "unix", path };
  }
  if (words.length === 1 && words[0].startsWith("unix:")) {
    const path = words[0].slice("unix:".length);
    if (path === "") throw new UsageError("unix: goes before a path");
    return { transport: "unix", path };
  }
  if (words.length > 2) throw new UsageError(`unexpected "${words[2]}"; see --help`);
  const first = words.length === 0 ? {} : place(words[0]);
  if (words.length === 2 && first.host === undefined) {
    throw new UsageError(`"${words[0]}" is a port: write HOST PORT, or HOST:PORT`);
  }
  const option = given.text("host") ?? "";
  const mistake = hostMistake(option, "--port", "--unix");
  if (mistake !== null) throw new UsageError(`--host ${option}: ${mistake}`);
  const host = once("host", first.host, given.text("host"));
  const port = once("port", first.port, words[1], given.text("port"));
  return {
    transport: "tcp",
    hostname: host ?? "127.0.0.1",
    port: port === undefined ? standard("port") : portNumber(port),
  };
}

function place(word: string): Place {
  if (word === "") throw new UsageError("a host is an address or a name, and this is empty");
  if (/^\d+$/.test(word)) return { port: word };
  if (word.includes("://")) throw new UsageError(`"${word}" is a URL: write HOST:PORT`);
  if (word.includes("/")) throw new UsageError(`"${word}" is a path: write --unix ${word}`);
  const [, bracketed, after] = /^\[([^\]]*)\](?::(.*))?$/.exec(word) ?? [];
  if (bracketed !== undefined) return { host: ipv6(bracketed), port: after };
  const at = word.indexOf(":");
  if (at < 0) return { host: word };
  if (word.includes(":", at + 1)) return { host: ipv6(word) };
  return { host: word.slice(0, at) || undefined, port: word.slice(at + 1) };
}

function ipv6(text: string): string {
  if (URL.canParse(`http://[${text.split("%")[0]}]`)) return text;
  throw new UsageError(`"${text}" is no IPv6 address; with a port it is written [::1]:8888`);
}

function once(what: string, ...values: (string | undefined)[]): string | undefined {
  const [value, second] = values.filter((value) => value !== undefined);
  if (second !== undefined) {
    throw new UsageError(`the ${what} is given twice: "${value}" and "${second}"`);
  }
  return value;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new UsageError(`PORT is a whole number from 1 to 65535: not "${text}"`);
}
