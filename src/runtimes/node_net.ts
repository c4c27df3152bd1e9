/**
 * Sockets of node:net, which all three runtimes have: how a descriptor is
 * adopted by an event loop.
 * @module
 */
import { Socket as NetSocket } from "node:net";
import type { Address } from "../connection.ts";
import { errorCode, refusal, SystemError } from "../errors.ts";
import type { Socket } from "../socket_connection.ts";

/** A node:net socket as Trivet wants it: it reads only when it is asked to. */
export class NodeSocket implements Socket {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #socket: NetSocket;
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(socket: NetSocket, localAddr: Address, remoteAddr: Address) {
    this.#socket = socket;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", (error: Error) => {
      this.#error = new SystemError(
        errorCode(error) ?? "EIO",
        error.message,
        error,
      );
      wake();
    });
    socket.on("close", () => {
      if (!this.#ended) this.#error ??= refusal("EBADF");
      wake();
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      // What came before a reset is delivered first.
      const waiting = this.#socket.readableLength;
      const chunk: Uint8Array | null = waiting > 0
        ? this.#socket.read(Math.min(waiting, buffer.length))
        : this.#socket.read();
      if (chunk !== null && chunk.length > 0) {
        if (chunk.length <= buffer.length) {
          buffer.set(chunk);
          return chunk.length;
        }
        buffer.set(chunk.subarray(0, buffer.length));
        this.#socket.unshift(chunk.subarray(buffer.length));
        return buffer.length;
      }
      if (this.#error) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#error) return reject(this.#error);
      this.#socket.write(bytes, (error) => {
        if (error) {
          reject(
            new SystemError(errorCode(error) ?? "EPIPE", error.message, error),
          );
        } else resolve(bytes.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  close(): void {
    this.#error ??= refusal("EBADF");
    this.#socket.destroy();
  }
}

/** Gives a connected descriptor to the event loop. */
export function adoptDescriptor(
  descriptor: number,
  localAddr: Address,
  remoteAddr: Address,
): Socket {
  const socket = new NetSocket({
    fd: descriptor,
    allowHalfOpen: true,
    readable: true,
    writable: true,
  });
  return new NodeSocket(socket, localAddr, remoteAddr);
}
