/**
 * What the options of both ends of TLS have in common, and how certificates and keys are given.
 * @module
 */
import { LONGEST_TIMER } from "../connection/delay.ts";
import { asError, errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import type { ConnectTlsOptions, TlsOptions, TlsVersion } from "../connection/tls_options.ts";
import type { Runtime } from "../runtime.ts";

/** Milliseconds that a handshake may take, unless somebody says otherwise. */
export const HANDSHAKE_TIMEOUT = 5000;
/** Bytes of a protocol's name, RFC 7301, 3.1. */
const LONGEST_PROTOCOL = 255;

/** What both ends may ask for. */
interface Common {
  readonly alpn: readonly string[];
  readonly min: TlsVersion;
  readonly timeout: number;
}

/** @throws {TypeError} with one line for the first that is wrong */
export function commonTls(options: TlsOptions | ConnectTlsOptions): Common {
  const { alpn, minVersion = "TLSv1.2", handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  demandOne("minVersion", minVersion, ["TLSv1.2", "TLSv1.3"]);
  const encoder = new TextEncoder();
  const isName = (name: string) => name !== "" && encoder.encode(name).length <= LONGEST_PROTOCOL;
  if (alpn && (alpn.length === 0 || !alpn.every(isName))) {
    throw new TypeError(
      `Cannot encrypt with this alpn: it is names of protocols, 1 to ${LONGEST_PROTOCOL} bytes each`,
    );
  }
  const isTime = Number.isInteger(handshakeTimeout) && handshakeTimeout >= 1;
  if (!isTime || handshakeTimeout > LONGEST_TIMER) {
    throw new TypeError(
      `Cannot encrypt with handshakeTimeout ${handshakeTimeout}: it is a whole number from 1 to ${LONGEST_TIMER}`,
    );
  }
  return { alpn: alpn ?? [], min: minVersion, timeout: handshakeTimeout };
}

/** @throws {TypeError} if the value is none of those */
export function demandOne(name: string, value: string | undefined, all: readonly string[]): void {
  if (value === undefined || all.includes(value)) return;
  throw new TypeError(`Cannot encrypt with ${name} "${value}": it is ${all.join(" or ")}`);
}

/**
 * It is PEM text, or can be a path. It is not shown, for it may be half of a key.
 * @throws {TypeError} if it is neither
 */
export function demandText(name: string, text: string): void {
  if (isPem(text) || text !== "" && !/[\0\n]/.test(text)) return;
  throw new TypeError(
    `Cannot encrypt with this ${name}: it is neither PEM text, which has a line that begins with -----BEGIN, nor a file's path`,
  );
}

/** Whether it is PEM text (RFC 7468), and no path. */
export function isPem(text: string): boolean {
  return text.includes("-----BEGIN");
}

/**
 * The text itself, or what the file holds whose path it is.
 * @param what it is, for the error
 * @throws {SystemError} with one line if the file cannot be read
 */
export function readPem(runtime: Pick<Runtime, "readText">, what: string, text: string): string {
  if (text === "" || isPem(text)) return text;
  try {
    return runtime.readText(text);
  } catch (error) {
    const why = errorMessage(error);
    throw new SystemError("EINVAL", `Cannot read the ${what} in ${text}: ${why}`, error);
  }
}

/**
 * The runtime's code for what this end does not like about the other's certificate; null if a
 * handshake has failed for something else.
 */
export function certificateError(error: unknown): string | null {
  const code = errorCode(asError(error).cause) ?? "";
  // An alert is what the other end says of this one's.
  return /CERT|VERIFY|ISSUER|ALTNAME/.test(code) && !code.includes("ALERT") ? code : null;
}
