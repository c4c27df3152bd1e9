/** A socket whose peer is the test. */
import type { Address } from "../../src/connection/connection.ts";
import { SystemError } from "../../src/connection/errors.ts";
import type { Socket } from "../../src/connection/socket.ts";
import { bytes, failure, text } from "./unit.ts";

export type Kind = "loop" | "blocking";

interface Call<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (result: T) => void;
  readonly reject: (error: unknown) => void;
}

export class FakeSocket implements Socket {
  readonly localAddr: Address = { transport: "tcp", hostname: "127.0.0.1", port: 8888 };
  readonly remoteAddr: Address = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 };
  readonly setTimeout?: (milliseconds: number) => void;
  /** What has happened, in order. */
  readonly log: string[] = [];
  readonly timeouts: number[] = [];
  /** What the peer has got. */
  received = "";
  /** Milliseconds of each reset. */
  readonly lingers: number[] = [];
  /** Until when a reset waits for what was written. */
  onItsWay: Promise<void> | undefined;
  reads = 0;
  fins = 0;
  closes = 0;
  /** Reads that were called while another one was pending. */
  overlaps = 0;
  /** How many of so many bytes the next write takes; with 0 it waits. */
  take: (length: number) => number = (length) => length;
  writeError: Error | null = null;
  finError: Error | null = null;
  /** What a pending read gets when the socket is closed. */
  onClose: number | null | Error = failure("ECLOSED");
  /** Bytes that come without an end, as fast as they are read. */
  endless = false;
  readonly #blocking: boolean;
  readonly #input: (string | null | Error)[] = [];
  #reader: Call<number | null> | null = null;
  #writer: Call<number> | null = null;

  constructor(kind: Kind) {
    this.#blocking = kind === "blocking";
    if (this.#blocking) this.setTimeout = (milliseconds) => void this.timeouts.push(milliseconds);
  }

  /** The peer sends text, FIN (null) or a reset (an error); errors and FIN stay. */
  arrive(...items: (string | null | Error)[]): void {
    this.#input.push(...items);
    const reader = this.#reader;
    if (!reader || this.#input.length === 0) return;
    this.#reader = null;
    try {
      reader.resolve(this.#next(reader.bytes)!);
    } catch (error) {
      reader.reject(error);
    }
  }

  /** The peer reads again. */
  resume(): void {
    this.take = (length) => length;
    const writer = this.#writer;
    this.#writer = null;
    if (writer) writer.resolve(this.#give(writer.bytes));
  }

  /** The write that waits fails. */
  failWrite(error: Error): void {
    this.writeError = error;
    this.#writer?.reject(error);
    this.#writer = null;
  }

  read(buffer: Uint8Array): number | null | Promise<number | null> {
    this.reads++;
    this.log.push("read");
    if (this.closes > 0) throw failure("ECLOSED");
    if (this.#blocking) {
      const length = this.#next(buffer);
      if (length === undefined) throw this.#wouldBlock();
      return length;
    }
    if (this.#reader) {
      this.overlaps++;
      return Promise.reject(failure("EOVERLAP"));
    }
    return new Promise((resolve, reject) => {
      try {
        const length = this.#next(buffer);
        if (length === undefined) this.#reader = { bytes: buffer, resolve, reject };
        else resolve(length);
      } catch (error) {
        reject(error);
      }
    });
  }

  write(bytes: Uint8Array): number | Promise<number> {
    if (this.closes > 0) throw failure("ECLOSED");
    if (this.#blocking) {
      if (this.writeError) throw this.writeError;
      return this.#give(bytes) || fail(this.#wouldBlock());
    }
    if (this.writeError) return Promise.reject(this.writeError);
    return new Promise((resolve, reject) => {
      const taken = this.#give(bytes);
      if (taken > 0) resolve(taken);
      else this.#writer = { bytes, resolve, reject };
    });
  }

  closeWrite(): void | Promise<void> {
    this.fins++;
    this.log.push("FIN");
    if (this.#blocking) return this.finError ? fail(this.finError) : undefined;
    return this.finError ? Promise.reject(this.finError) : Promise.resolve();
  }

  reset(linger: number): void | Promise<void> {
    this.lingers.push(linger);
    this.#close("reset");
    return this.onItsWay;
  }

  close(): void {
    this.#close("close");
  }

  #close(how: string): void {
    this.closes++;
    this.log.push(how);
    const end = this.onClose;
    if (end instanceof Error) this.#reader?.reject(end);
    else this.#reader?.resolve(end);
    this.#writer?.reject(failure("ECLOSED"));
    this.#reader = this.#writer = null;
  }

  /** How many bytes are there now; undefined if the call must wait. */
  #next(buffer: Uint8Array): number | null | undefined {
    if (this.endless) return buffer.length;
    if (this.#input.length === 0) return undefined;
    const item = this.#input[0];
    if (item instanceof Error) throw item;
    if (item === null) return null;
    const length = Math.min(item.length, buffer.length);
    buffer.set(bytes(item.slice(0, length)));
    if (length < item.length) this.#input[0] = item.slice(length);
    else this.#input.shift();
    return length;
  }

  #give(bytes: Uint8Array): number {
    const taken = this.take(bytes.length);
    const sent = text(bytes.subarray(0, taken));
    this.received += sent;
    if (taken > 0) this.log.push(`write ${sent}`);
    return taken;
  }

  /** A blocking call that nothing would ever end, unless a timeout is set. */
  #wouldBlock(): Error {
    return this.timeouts.at(-1)
      ? new SystemError("ETIMEDOUT", "No byte moved")
      : new Error("blocked");
  }
}

function fail(error: Error): never {
  throw error;
}
