/**
 * Answers that wait for others, so that many go out in one write.
 * @module
 */
import { ignore } from "../connection/errors.ts";
import { encode, encodeInto } from "./text.ts";

/** More bytes than that do not wait. */
const MOST = 65536;
/** A larger buffer is given back when it is empty. */
const LARGEST_KEPT = 16384;
const FIRST = 512;

const NOTHING = new Uint8Array(0);
const DONE: Promise<void> = Promise.resolve();

/** What was written and is held back. */
export class HeldBack {
  readonly #write: (bytes: Uint8Array | readonly Uint8Array[]) => Promise<void>;
  #bytes = NOTHING;
  #length = 0;

  /** @param write where it goes in the end */
  constructor(write: (bytes: Uint8Array | readonly Uint8Array[]) => Promise<void>) {
    this.#write = write;
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Holds the pieces back; if that is too much, all is written. */
  add(pieces: readonly (string | Uint8Array)[]): Promise<void> {
    const before = this.#length;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      if (typeof piece === "string") this.#addText(piece);
      else if (piece.length > MOST / 4) return this.#addLarge(pieces, i);
      else {
        this.#ensure(piece.length);
        this.#bytes.set(piece, this.#length);
        this.#length += piece.length;
      }
    }
    if (this.#length > MOST) return this.flush();
    // Writes of nothing would never give way to others.
    return this.#length > before ? DONE : this.#write(NOTHING);
  }

  /** Writes what waits; resolves when the kernel has it. */
  flush(): Promise<void> {
    const bytes = this.#bytes;
    const length = this.#length;
    if (length === 0) return DONE;
    this.#bytes = NOTHING;
    this.#length = 0;
    const flushed = this.#write(bytes.subarray(0, length)).then(() => {
      if (this.#bytes === NOTHING && bytes.length <= LARGEST_KEPT) this.#bytes = bytes;
    });
    flushed.catch(ignore); // as of any write: nobody has to await it
    return flushed;
  }

  /** A large piece is not copied: what waits goes out with it, and all that follows. */
  #addLarge(pieces: readonly (string | Uint8Array)[], from: number): Promise<void> {
    const all = [this.#bytes.subarray(0, this.#length), ...pieces.slice(from).map(encode)];
    this.#bytes = NOTHING;
    this.#length = 0;
    return this.#write(all);
  }

  #addText(text: string): void {
    this.#ensure(3 * text.length);
    this.#length = encodeInto(text, this.#bytes, this.#length);
  }

  #ensure(room: number): void {
    const needed = this.#length + room;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(FIRST, 2 * this.#bytes.length, needed));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
