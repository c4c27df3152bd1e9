/**
 * What was read and not yet taken. What is taken is a view of the buffer, and no
 * byte of it is ever overwritten: whoever takes it may keep it.
 * @module
 */
import { decode } from "./text.ts";

/** Bytes of the first buffer: idle clients cost no more. */
const FIRST = 1024;
/** Bytes of a buffer for reads; one for a message that is longer grows beyond it. */
const LARGEST = 65536;
/** After so many reads that brought far less than there was room for, the next buffer is smaller. */
const MOST_SMALL = 8;
/** Bytes that are looked at one by one: for so few, a call of a C++ function costs more. */
const NEAR = 48;

/** A growing buffer. All work on it is linear in the bytes, however they come. */
export class Incoming {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Bytes of the next buffer, by how much came lately. */
  #size = FIRST;
  /** Reads in turn that brought far less. */
  #small = 0;
  /** What {@linkcode whole} gave, until more comes. */
  #view: Uint8Array | null = null;
  /** Whether somebody has a view of the buffer. */
  #given = false;
  /** The delimiter that was looked for, and where the next byte is that was not looked at. */
  #wanted: Uint8Array | null = null;
  #searched = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The byte at a place. */
  at(index: number): number {
    return this.#bytes[this.#start + index];
  }

  /**
   * Where to read into, at least one byte.
   * @param most the message that is waited for has no more bytes; more than there are now
   */
  room(most: number): Uint8Array {
    const { length } = this;
    const free = this.#bytes.length - this.#end;
    if (length === 0) {
      // A large one is given back, and so is one that others may hold on to.
      if (this.#bytes.length > this.#size || free < this.#size / 4) return this.#move(this.#size);
      if (this.#given) return this.#bytes.subarray(this.#end);
      this.#start = this.#end = this.#searched = 0;
      return this.#bytes;
    }
    if (free < Math.min(most - length, this.#bytes.length / 4)) {
      return this.#move(Math.max(this.#size, Math.min(4 * length, most)));
    }
    return this.#bytes.subarray(this.#end);
  }

  /** So many bytes were read into the room. */
  came(length: number, room: number): void {
    this.#end += length;
    this.#view = null;
    if (length === room) this.#size = Math.min(LARGEST, 4 * this.#size);
    if (length >= this.#size / 16) this.#small = 0;
    else if (++this.#small === MOST_SMALL) {
      this.#small = 0;
      this.#size = Math.max(FIRST, this.#size / 4);
    }
  }

  /** A view from before {@linkcode start} to the last byte, made once for all that lies in it; they stay. */
  get whole(): Uint8Array {
    this.#given = true;
    return this.#view ??= this.#bytes.subarray(0, this.#end);
  }

  /** Where the first byte is in {@linkcode whole}. */
  get start(): number {
    return this.#start;
  }

  /** The bytes from the beginning on; they stay. */
  view(length: number): Uint8Array {
    this.#given = true;
    return this.#bytes.subarray(this.#start, this.#start + length);
  }

  /** What `view` would give, as text; see {@linkcode decode}. */
  text(length: number): string {
    return decode(this.#bytes.subarray(this.#start, this.#start + length));
  }

  /** They are taken. */
  drop(length: number): void {
    this.#start += length;
  }

  /** Takes them. */
  take(length: number): Uint8Array {
    const taken = this.view(length);
    this.drop(length);
    return taken;
  }

  /** Where the delimiter begins, or -1. What was looked at before is not looked at again. */
  find(delimiter: Uint8Array): number {
    const bytes = this.#bytes;
    if (this.#wanted !== delimiter || this.#searched < this.#start) {
      this.#wanted = delimiter;
      this.#searched = this.#start;
    }
    const last = this.#end - delimiter.length;
    let at = this.#searched;
    for (; at <= last; at++) {
      at = this.#indexOf(delimiter[0], at, last + 1);
      if (at < 0) break;
      let same = 1;
      while (same < delimiter.length && bytes[at + same] === delimiter[same]) same++;
      if (same === delimiter.length) {
        this.#searched = at;
        return at - this.#start;
      }
    }
    this.#searched = Math.max(this.#start, last + 1);
    return -1;
  }

  #indexOf(byte: number, from: number, to: number): number {
    const bytes = this.#bytes;
    const near = Math.min(to, from + NEAR);
    for (let at = from; at < near; at++) if (bytes[at] === byte) return at;
    if (near === to) return -1;
    const at = bytes.subarray(near, to).indexOf(byte);
    return at < 0 ? -1 : near + at;
  }

  /** Moves what is there to the front, of another buffer if this one is given or too small. */
  #move(size: number): Uint8Array {
    const { length } = this;
    if (!this.#given && this.#bytes.length >= size) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
    } else {
      const bytes = new Uint8Array(size);
      bytes.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = bytes;
      this.#given = false;
    }
    this.#searched = Math.max(0, this.#searched - this.#start);
    this.#view = null;
    this.#start = 0;
    this.#end = length;
    return length === 0 ? this.#bytes : this.#bytes.subarray(length);
  }
}
