/**
 * The little that a socket must be able to do, blocking or of an event loop.
 * @module
 */
import type { Address } from "./connection.ts";
import type { PeerLimits } from "./slow_peer.ts";

/**
 * What a connection does: its handler waits for bytes, waits until the kernel takes
 * some, or does neither; or it has ended, and the client has not closed yet.
 */
export type ConnectionDoing = "reads" | "writes" | "handler" | "lingers";

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
  /** How many bytes of several pieces the kernel took in one call, perhaps none; where there is such a call. */
  writePieces?(pieces: readonly Uint8Array[]): number;
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
  /** Layers only: called when bytes have moved below it, of which none may be the handler's yet. */
  onMoved?: (() => void) | null;
  /** Event loops' sockets: calls `listener` when the peer has reset, or both directions have ended. */
  onGone?(listener: (isReset: boolean) => void): void;
  /**
   * Blocking sockets only, whose thread runs no timer meanwhile: after so many
   * milliseconds (0: never) a call fails with `ETIMEDOUT`.
   */
  setTimeout?(milliseconds: number): void;
  /**
   * Blocking sockets only: waits until a read would not, or would fail with
   * `ETIMEDOUT`; false if there was nothing to read within so many milliseconds.
   * @throws {SystemError} with `ETIMEDOUT` when such waits, together, are `setTimeout`'s time
   */
  waitReadable?(milliseconds: number): boolean;
  /** Sockets that count: what was read so far was not the handler's. */
  uncount?(): void;
  /** Blocking sockets only: from so many milliseconds on, calls fail with `ETIMEDOUT`; 0: never. */
  setDeadline?(milliseconds: number): void;
  /** Blocking sockets only: a peer that does too little makes a call fail with a `SlowPeer`; null: whatever it does. */
  setPeerLimits?(limits: PeerLimits | null): void;
  /** Event loops' sockets: how many written bytes have come to the peer's kernel; null where it is not told. */
  delivered?(): number | null;
}
