/**
 * How places are encrypted: what the options say, and what is in the files that they name.
 * @module
 */
import { errorMessage, SystemError } from "../connection/errors.ts";
import type { TlsOptions } from "../connection/tls_options.ts";
import type { Runtime } from "../runtime.ts";
import type { Tls } from "../tls/tls_engine.ts";
import type { TlsCertificate, TlsServerSettings } from "../tls/tls_settings.ts";
import { checkOptions, type Kind } from "../check_options.ts";
import { commonTls, demandOne, demandText, isPem, readPem } from "./tls_checks.ts";

/** What an option of `tls` is. */
const KINDS = {
  cert: "a string or an array of strings",
  key: "a string or an array of strings",
  clientCa: "a string",
  clientAuth: "a string",
  crl: "a string",
  alpn: "an array of strings",
  minVersion: "a string",
  handshakeTimeout: "a number",
} as const satisfies Record<keyof TlsOptions, Kind>;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]+?-----END \1-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4,ENCRYPTED/m;
const REVOKED = /-----BEGIN X509 CRL-----/;

/**
 * The settings as they are given: where a certificate is wanted, or a key, the file's path
 * may stand.
 * @throws {TypeError} with one line for the first that is wrong
 */
export function tlsGiven(options: TlsOptions): TlsServerSettings {
  checkOptions("encrypt", options, KINDS);
  const [certs, keys] = (["cert", "key"] as const).map((name) => listOf(options, name));
  if (certs.length !== keys.length) {
    throw new TypeError(
      `Cannot encrypt with ${certs.length} of cert and ${keys.length} of key: ` +
        "to each cert belongs the key in the same place",
    );
  }
  const { clientCa = "", clientAuth, crl = "" } = options;
  for (const name of ["clientAuth", "crl"] as const) {
    if (options[name] !== undefined && options.clientCa === undefined) {
      throw new TypeError(
        `Cannot encrypt with ${name}: it is about clients' certificates, so give clientCa too`,
      );
    }
  }
  for (const name of ["clientCa", "crl"] as const) {
    if (options[name] !== undefined) demandText(name, options[name]);
  }
  demandOne("clientAuth", clientAuth, ["require", "request"]);
  return {
    certificates: certs.map((cert, i) => ({ cert, key: keys[i] })),
    ...{ clientCa, clientMust: clientCa !== "" && clientAuth !== "request", crl },
    ...commonTls(options),
  };
}

function listOf(options: TlsOptions, name: "cert" | "key"): readonly string[] {
  const given = options[name];
  if (given === undefined || given.length === 0) {
    throw new TypeError(
      `Cannot encrypt without ${name}: it is PEM text, or a file's path, or several of them`,
    );
  }
  const all = typeof given === "string" ? [given] : given;
  for (const text of all) demandText(name, text);
  return all;
}

/**
 * The settings of each place with what the files hold now, all of them read and then checked.
 * @throws {SystemError} with one line for the first that is wrong
 */
export function readTls(
  runtime: Runtime,
  tls: Tls,
  places: readonly (TlsServerSettings | null)[],
): readonly (TlsServerSettings | null)[] {
  const refusal = places.some((given) => given?.crl) ? runtime.revocationRefusal : null;
  if (refusal !== null) throw new SystemError("ENOTSUP", `Cannot encrypt with crl: ${refusal}`);
  const different = [...new Set(places)];
  const read = new Map(different.map((given) => [given, given && readFiles(runtime, given)]));
  for (const [given, settings] of read) if (given && settings) check(tls, given, settings);
  return places.map((given) => read.get(given)!);
}

function readFiles(runtime: Runtime, given: TlsServerSettings): TlsServerSettings {
  const read = (what: string, text: string) => readPem(runtime, what, text);
  return {
    ...given,
    certificates: given.certificates.map(({ cert, key }) => ({
      cert: only(read("certificate", cert), CERTIFICATE),
      key: only(read("key", key), KEY),
    })),
    clientCa: only(read("certificates of clients' authorities", given.clientCa), CERTIFICATE),
    crl: read("list of revoked certificates", given.crl),
  };
}

/** What is wanted of a text, if it is there: Deno and Bun stumble over what else is in it (2.9, 1.4). */
function only(text: string, wanted: RegExp): string {
  const found = text.match(wanted);
  if (found === null) return text;
  return `${wanted.global ? found.join("\n") : found[0]}\n`;
}

function check(tls: Tls, given: TlsServerSettings, settings: TlsServerSettings): void {
  const { certificates, clientCa, crl } = settings;
  certificates.forEach((pair, i) => checkPair(tls, given.certificates[i], pair));
  // By what was asked for: with a file that is empty now, everybody would be let in.
  if (given.clientCa !== "") {
    checkCertificates(tls, where("clientCa", given.clientCa), clientCa);
  }
  const certs = given.certificates.map(({ cert }) => where("cert", cert)).join(", ");
  attempt(certs, "it cannot be used", () => tls.tlsServer({ ...settings, crl: "" }));
  if (given.crl === "") return;
  const place = where("crl", given.crl);
  if (!REVOKED.test(crl)) refuse(place, "it holds no list, which begins with -----BEGIN X509 CRL");
  attempt(place, "the list is broken", () => tls.tlsServer(settings));
}

function checkPair(tls: Tls, given: TlsCertificate, { cert, key }: TlsCertificate): void {
  const [certPlace, keyPlace] = [where("cert", given.cert), where("key", given.key)];
  checkCertificates(tls, certPlace, cert);
  if (ENCRYPTED_KEY.test(key)) {
    const without = "openssl pkey -in FILE -out OTHER writes it without";
    refuse(keyPlace, `it needs a passphrase, for which nobody can be asked: ${without}`);
  }
  if (!KEY.test(key)) refuse(keyPlace, "it holds no key, which begins with -----BEGIN PRIVATE KEY");
  if (!attempt(keyPlace, "the key is broken", () => tls.keyFits({ cert, key }))) {
    refuse(keyPlace, `it is not the key of the certificate in ${certPlace}`);
  }
  // Not of those that lead to its authority: one that has ended may stand there for old clients.
  const { notBefore, notAfter } = tls.certificateFacts(cert);
  const now = Date.now();
  if (notAfter < now) refuse(certPlace, `it has ended on ${dateOf(notAfter)}: renew it`);
  if (notBefore > now) refuse(certPlace, `it begins on ${dateOf(notBefore)}: is the clock right?`);
}

/** There is one at least, and each can be read. */
function checkCertificates(tls: Tls, place: string, text: string): void {
  const all = text.match(CERTIFICATE);
  if (all === null) {
    return refuse(place, "it holds no certificate, which begins with -----BEGIN CERTIFICATE");
  }
  for (const one of all) {
    attempt(place, "a certificate in it is broken", () => tls.certificateFacts(one));
  }
}

/** Where something stands that was given. */
function where(name: string, given: string): string {
  return isPem(given) ? `the option ${name}` : given;
}

/** @param what is wrong, if it fails */
function attempt<T>(place: string, what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    return refuse(place, `${what} (${errorMessage(error).split("\n")[0]})`, error);
  }
}

function refuse(place: string, why: string, cause?: unknown): never {
  throw new SystemError("EINVAL", `Cannot encrypt with what is in ${place}: ${why}`, cause);
}

/** To the second, in UTC. */
export function dateOf(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, "");
}
