/**
 * The options with which `serve` and `inetd` encrypt: what they are, and what they make.
 * @module
 */
import type { TlsOptions, TlsVersion } from "../../mod.ts";
import { HANDSHAKE_TIMEOUT } from "../serving/tls_checks.ts";
import type { Given } from "./options.ts";
import type { ServeOption } from "./serve_options.ts";
import { UsageError } from "./usage_error.ts";

/** The longest time in seconds. */
const LONGEST = 2_000_000;

/** The options, beside which `--listen` has `,tls=off`. */
export const TLS_OPTIONS: readonly ServeOption[] = [
  {
    name: "tls-cert",
    value: "FILE",
    repeated: true,
    default: "no TLS",
    help:
      "Encrypt all places, with this certificate (PEM). Of several, the client's SNI picks one.",
  },
  {
    name: "tls-key",
    value: "FILE",
    repeated: true,
    help: "Its key; of several certificates, the keys in the same order.",
  },
  {
    name: "tls-client-ca",
    value: "FILE",
    default: "nobody is asked for a certificate",
    help: "Authorities whose certificates clients must show.",
  },
  {
    name: "tls-client-auth",
    value: "WHAT",
    choices: ["require", "request"],
    default: "require",
    help: "Refuse clients without one, or serve them all the same and tell the handler.",
  },
  {
    name: "tls-crl",
    value: "FILE",
    default: "nobody is revoked",
    help: "The authorities' list of certificates that they have revoked (not on Deno).",
  },
  {
    name: "tls-alpn",
    value: "NAME,...",
    list: true,
    default: "none",
    help: "Protocols to agree on, the dearest first.",
  },
  {
    name: "tls-min",
    value: "VERSION",
    choices: ["1.2", "1.3"],
    default: "1.2",
    help: "The oldest version of TLS that a client may speak.",
  },
  {
    name: "tls-handshake-timeout",
    value: "SECONDS",
    range: [0.001, LONGEST],
    default: `${HANDSHAKE_TIMEOUT / 1000}`,
    help: "Wait so long for the whole handshake.",
  },
];

/** Those that name a file. */
export const TLS_FILES: readonly string[] = TLS_OPTIONS
  .filter(({ value }) => value === "FILE").map(({ name }) => name);

/** What goes with what. */
const NEEDS = [
  ["tls-cert", "tls-key"],
  ...TLS_OPTIONS.slice(1).map(({ name }) => [name, "tls-cert"]),
  ["tls-client-auth", "tls-client-ca"],
  ["tls-crl", "tls-client-ca"],
];

/**
 * What was given, as `serve()` takes it; undefined if nothing was.
 * @throws {UsageError} where they do not go together
 */
export function serverTls(given: Given): TlsOptions | undefined {
  const isThere = (name: string) => given.texts(name).length > 0;
  for (const [name, other] of NEEDS) {
    if (isThere(name) && !isThere(other)) throw new UsageError(`--${name} goes with --${other}`);
  }
  for (const name of TLS_FILES) {
    if (given.texts(name).some((text) => text.includes("-----BEGIN"))) {
      throw new UsageError(`--${name} is a file's path: what it holds is for nobody else to read`);
    }
  }
  const [certs, keys] = ["tls-cert", "tls-key"].map((name) => given.texts(name).length);
  if (certs !== keys) {
    throw new UsageError(
      `--tls-cert and --tls-key go in pairs, and these are ${certs} and ${keys}`,
    );
  }
  if (certs === 0) return undefined;
  const min = given.text("tls-min");
  const seconds = given.number("tls-handshake-timeout");
  return {
    cert: given.texts("tls-cert"),
    key: given.texts("tls-key"),
    clientCa: given.text("tls-client-ca"),
    clientAuth: given.text("tls-client-auth") as TlsOptions["clientAuth"],
    crl: given.text("tls-crl"),
    alpn: given.list("tls-alpn"),
    minVersion: min === undefined ? undefined : `TLSv${min}` as TlsVersion,
    handshakeTimeout: seconds === undefined ? undefined : Math.round(seconds * 1000),
  };
}
