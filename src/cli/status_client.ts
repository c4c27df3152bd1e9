/**
 * Asks a server for its status, over the one connection that a question takes.
 * @module
 */
import { type Address, formatAddress, type ServerStatus } from "../../mod.ts";
import { patience } from "../connection/delay.ts";
import { errorCode, errorMessage, SystemError } from "../connection/errors.ts";
import { escape } from "../log/escape.ts";
import type { Runtime } from "../runtime.ts";
import { reach } from "../server/reach.ts";

/** Milliseconds that a connection may take, and then the answer. */
const TIMEOUT = 5000;
/** What is shown of a refusal, which anybody may have written. */
const SHOWN = 200;
/** The most bytes of an answer. */
const LARGEST = 16 * 1024 * 1024;

/**
 * What the server tells. Where a server that ends has left the question without an answer, it is
 * put once more: whether one is there then is what the user wants to know.
 * @throws {Error} with one line that says why it does not
 */
export function askStatus(runtime: Runtime, address: Address): Promise<ServerStatus> {
  return ask(runtime, address).catch((error) => {
    if (!["ECONNRESET", "EPIPE"].includes(errorCode(error.cause) ?? "")) throw error;
    return ask(runtime, address);
  });
}

async function ask(runtime: Runtime, address: Address): Promise<ServerStatus> {
  const where = formatAddress(address);
  const connection = await reach(runtime, address, { timeout: TIMEOUT });
  let late = false;
  const stopWaiting = patience(TIMEOUT, () => {
    late = true;
    connection.close();
  });
  try {
    const host = address.transport === "unix" ? "localhost" : hostOf(address.hostname);
    const request = `GET /status.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const chunks: Uint8Array[] = [];
    let size = 0;
    const buffer = new Uint8Array(65536);
    for (let length; (length = await connection.read(buffer)) !== null;) {
      chunks.push(buffer.slice(0, length));
      if ((size += length) > LARGEST) throw new Error("its answer does not end");
    }
    if (size === 0) throw new SystemError("ECONNRESET", "it ended without an answer");
    return parse(await new Blob(chunks as BlobPart[]).text());
  } catch (error) {
    const why = late ? `no answer came in ${TIMEOUT / 1000} s` : errorMessage(error);
    throw new Error(`Cannot ask ${where} for its status: ${why}`, { cause: error });
  } finally {
    stopWaiting();
    connection.close();
  }
}

/** A server takes its own addresses only, and `localhost`: by another name it was reached by. */
function hostOf(hostname: string): string {
  if (hostname.includes(":")) return `[${hostname.split("%")[0]}]`;
  return /^[\d.]+$/.test(hostname) ? hostname : "localhost";
}

function parse(answer: string): ServerStatus {
  const [head, ...rest] = answer.split("\r\n\r\n");
  const status = /^HTTP\/1\.1 (\d+) (.*)/.exec(head);
  if (!status) throw new Error("what answers there is no server's status");
  const body = rest.join("\r\n\r\n");
  if (status[1] !== "200") throw new Error(`${status[1]} ${escape(body.trim(), SHOWN)}`);
  let told;
  try {
    told = JSON.parse(body);
  } catch {
    throw new Error("what answers there is no server's status");
  }
  if (told?.schema !== 1) {
    throw new Error("it tells its status in a way that this version does not know");
  }
  return told as ServerStatus;
}
