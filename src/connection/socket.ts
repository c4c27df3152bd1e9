/**
 * The little that a socket must be able to do, blocking or of an event loop.
 * @module
 */
import type { Address } from "./connection.ts";

/**
 * A connected socket, of an event loop or blocking. What it returns is a plain
 * value where the call is done when it returns. Errors have a POSIX `code`.
 */
export interface Socket {
  /** This end. */
  readonly localAddr: Address;
  /** The peer's end. */
  readonly remoteAddr: Address;
  /** How many bytes came, or `null` at the end of the stream. */
  read(buffer: Uint8Array): number | null | Promise<number | null>;
  /** How many of the bytes the kernel took, at least one. */
  write(bytes: Uint8Array): number | Promise<number>;
  /** Sends FIN. */
  closeWrite(): void | Promise<void>;
  /** Closes; a pending call of an event loop's socket rejects. */
  close(): void;
  /**
   * Closes with RST; a pending call of an event loop's socket rejects at once. Before
   * that, what the kernel has taken goes out: until the peer's has acknowledged it, or
   * for so many milliseconds, 0 for none.
   * @throws {SystemError} with `ENOTSUP` where it can only be closed, which it is then
   */
  reset(linger: number): void | Promise<void>;
  /** Event loops' sockets: calls `listener` when the peer has reset, or both directions have ended. */
  onGone?(listener: () => void): void;
  /**
   * Blocking sockets only, whose thread runs no timer meanwhile: after so many
   * milliseconds (0: never) a call fails with `ETIMEDOUT`.
   */
  setTimeout?(milliseconds: number): void;
  /** Blocking sockets only: from so many milliseconds on, calls fail with `ETIMEDOUT`; 0: never. */
  setDeadline?(milliseconds: number): void;
}
