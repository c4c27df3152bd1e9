/**
 * A connection of an epoll loop: it reads when its turn has come.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import { acknowledged } from "../connection/acknowledged.ts";
import { refusal } from "../connection/errors.ts";
import type { Socket } from "../connection/socket.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from "./epoll.ts";
import type { EpollLoop, Watcher } from "./epoll_loop.ts";
import { delivered } from "./tcp_options.ts";

const READABLE = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR;
/** There is something behind the last byte: an end, or urgent data, at which recv(2) stops. */
const MORE = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
/** Reset, or ended in both directions. */
const GONE = EPOLLHUP | EPOLLERR;

/** A read or a write that waits. */
interface Call<T> {
  readonly bytes: Uint8Array;
  resolve(result: T): void;
  reject(error: unknown): void;
}

/** A connected, nonblocking socket on the loop, which closes it. */
export class EpollSocket implements Socket, Watcher {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #loop: EpollLoop;
  readonly #descriptor: number;
  #readable = false;
  /** Something is known to be behind the last byte, so no event tells of it again. */
  #hasMore = false;
  #busy = true;
  #reader: Call<number | null> | null = null;
  #writer: Call<number> | null = null;
  #gone = false;
  #isReset = false;
  #onGone: ((isReset: boolean) => void) | null = null;
  /** Whether its end is a good one, from FIN on. */
  #isGood = false;

  constructor(loop: EpollLoop, descriptor: number, localAddr: Address, remoteAddr: Address) {
    this.#loop = loop;
    this.#descriptor = descriptor;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    loop.watch(descriptor, this);
    loop.busy++;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    this.#isBusy(false);
    return new Promise((resolve, reject) => {
      this.#reader = { bytes: buffer, resolve, reject };
      if (this.#readable) this.#loop.later(this);
    });
  }

  write(bytes: Uint8Array): number | Promise<number> {
    const length = this.#loop.libc.send(this.#descriptor, bytes);
    if (length !== null) return length;
    return new Promise((resolve, reject) => this.#writer = { bytes, resolve, reject });
  }

  writePieces(pieces: readonly Uint8Array[]): number {
    return this.#loop.libc.sendPieces(this.#descriptor, pieces) ?? 0;
  }

  closeWrite(): void {
    this.#loop.changed = true;
    this.#endWell();
    this.#loop.libc.shutdown(this.#descriptor, "write");
  }

  close(): void {
    this.#endWell();
    this.#end();
    this.#loop.close(this.#descriptor);
  }

  async reset(linger: number): Promise<void> {
    this.#end();
    const { libc } = this.#loop;
    if (libc.unacknowledged(this.#descriptor) > 0) {
      await acknowledged(() => libc.unacknowledged(this.#descriptor), linger);
    }
    libc.endBy(this.#descriptor, "reset");
    this.#loop.close(this.#descriptor);
  }

  delivered(): number | null {
    return delivered(this.#loop.libc, this.#descriptor);
  }

  onGone(listener: (isReset: boolean) => void): void {
    if (this.#gone) listener(this.#isReset);
    else this.#onGone = listener;
  }

  #endWell(): void {
    if (!this.#isGood) this.#loop.libc.endBy(this.#descriptor, "FIN");
    this.#isGood = true;
  }

  /** No more is read or written. */
  #end(): void {
    this.#isBusy(false);
    this.#reader?.reject(refusal("EBADF"));
    this.#writer?.reject(refusal("EBADF"));
    this.#reader = this.#writer = null;
  }

  happened(events: number): void {
    if (events & GONE && !this.#gone) {
      this.#gone = true;
      this.#isReset = (events & EPOLLERR) !== 0;
      this.#onGone?.(this.#isReset);
    }
    if (events & READABLE) {
      if (events & MORE) this.#hasMore = true;
      // If it was readable already, it has its place in the turn.
      if (!this.#readable) {
        this.#readable = true;
        this.proceed();
      }
    }
    if (events & WRITABLE && this.#writer) this.#write(this.#writer);
  }

  proceed(): void {
    const reader = this.#reader;
    if (reader === null) return;
    try {
      const length = this.#loop.libc.receive(this.#descriptor, reader.bytes);
      // Less than was asked for: there is no more, and an event will tell.
      this.#readable = length === reader.bytes.length || (this.#hasMore && length !== null);
      if (length === null) return;
      this.#reader = null;
      this.#isBusy(true);
      reader.resolve(length || null);
    } catch (error) {
      this.#reader = null;
      this.#isBusy(true);
      reader.reject(error);
    }
  }

  #isBusy(busy: boolean): void {
    if (busy !== this.#busy) this.#loop.busy += busy ? 1 : -1;
    this.#busy = busy;
  }

  #write(writer: Call<number>): void {
    try {
      const length = this.#loop.libc.send(this.#descriptor, writer.bytes);
      if (length === null) return;
      this.#writer = null;
      writer.resolve(length);
    } catch (error) {
      this.#writer = null;
      writer.reject(error);
    }
  }
}
