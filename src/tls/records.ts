/**
 * The records of TLS in a stream of bytes, one at a time.
 * @module
 */
import { joined } from "../connection/pieces.ts";

/** Bytes of a record's header, whose last two are the length of the rest (RFC 8446, 5.1). */
const HEADER = 5;
/** What a record begins with, of all versions: change_cipher_spec, alert, handshake, application_data. */
const TYPES = [20, 21, 22, 23];
/** Of each version the first byte. */
const MAJOR = 3;
/** Bytes that a record's rest has at most (RFC 5246, 6.2.3; with TLS 1.3 fewer). */
const LONGEST = 2 ** 14 + 2048;

/** What has come and was not taken. */
export class Records {
  #bytes: Uint8Array = NOTHING;

  /** Adds what has come, which is its own from here on. */
  add(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : joined([this.#bytes, bytes]);
  }

  /** Whether a whole one is there, or what is none, about which the engine complains. */
  has(): boolean {
    return this.#isNone || (this.#bytes.length >= HEADER && this.#bytes.length >= this.#length);
  }

  /** The first one. */
  take(): Uint8Array {
    const length = this.#isNone ? this.#bytes.length : this.#length;
    const record = this.#bytes.subarray(0, length);
    // An empty part would keep all of the buffer for as long as nothing comes.
    this.#bytes = length === this.#bytes.length ? NOTHING : this.#bytes.subarray(length);
    return record;
  }

  get #isNone(): boolean {
    const { length, [0]: type, [1]: major } = this.#bytes;
    if (length > 0 && !TYPES.includes(type) || length > 1 && major !== MAJOR) return true;
    return length >= HEADER && this.#length > HEADER + LONGEST;
  }

  get #length(): number {
    return HEADER + ((this.#bytes[3] << 8) | this.#bytes[4]);
  }
}

const NOTHING = new Uint8Array(0);
