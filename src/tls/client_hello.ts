/**
 * The first message of a client, as far as a server looks at it before it answers: whom the
 * client means. So a certificate can be picked on every runtime; Bun's TLSSocket over a
 * stream does not ask (`SNICallback` is not called, 1.4.5).
 * @module
 */

/** What a client has said so far. */
export type ClientHello =
  /** There must be more to tell. */
  | "more"
  /** It does not begin as TLS does, so it is something else: plain text, or a scanner's. */
  | "no TLS"
  | {
    /** The name that it asks for, in small letters; null if it names none. */
    readonly servername: string | null;
  };

/** RFC 8446, 5.1 and 4: the type of a record, and of a message in it. */
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** RFC 6066, 3. */
const SERVER_NAME = 0;
const HOST_NAME = 0;
/** Bytes of a record's header. */
const HEADER = 5;
/** The longest name of a host, RFC 1035. */
const LONGEST_NAME = 253;

/** Looks at what has come; whether the rest is right is for whoever shakes hands. */
export function parseClientHello(bytes: Uint8Array): ClientHello {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) return "no TLS";
  if (bytes.length > 1 && bytes[1] !== 3) return "no TLS";
  const message = handshakeBytes(bytes);
  if (message.length > 0 && message[0] !== CLIENT_HELLO) return "no TLS";
  if (message.length < 4) return "more";
  const length = (message[1] << 16) | (message[2] << 8) | message[3];
  if (message.length < 4 + length) return "more";
  return { servername: serverName(new Cursor(message.subarray(4, 4 + length))) };
}

/** What the handshake's records hold: a message may have more than one. */
function handshakeBytes(bytes: Uint8Array): Uint8Array {
  const parts: number[] = [];
  let at = 0;
  while (at + HEADER <= bytes.length && bytes[at] === HANDSHAKE) {
    const end = at + HEADER + ((bytes[at + 3] << 8) | bytes[at + 4]);
    if (at === 0 && end >= bytes.length) return bytes.subarray(HEADER);
    parts.push(...bytes.subarray(at + HEADER, end));
    at = end;
  }
  return Uint8Array.from(parts);
}

function serverName(hello: Cursor): string | null {
  hello.skip(2 + 32); // version, random
  hello.vector(1); // session id
  hello.vector(2); // cipher suites
  hello.vector(1); // compression
  const extensions = new Cursor(hello.vector(2));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const extension = new Cursor(extensions.vector(2));
    if (type !== SERVER_NAME) continue;
    const names = new Cursor(extension.vector(2));
    if (names.number(1) !== HOST_NAME) return null;
    const name = names.vector(2);
    if (name.length === 0 || name.length > LONGEST_NAME) return null;
    const text = String.fromCharCode(...name).toLowerCase();
    return /^[\x21-\x7e]+$/.test(text) ? text : null;
  }
  return null;
}

/** Reads numbers and vectors, RFC 8446, 3; what is not there is 0, or empty. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(length: number): void {
    this.#at = Math.min(this.#at + length, this.#bytes.length);
  }

  number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at + i] ?? 0);
    this.skip(size);
    return value;
  }

  /** The bytes whose length is told before them. */
  vector(size: number): Uint8Array {
    const length = this.number(size);
    const start = this.#at;
    this.skip(length);
    return this.#bytes.subarray(start, this.#at);
  }
}
