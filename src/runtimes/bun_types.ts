/**
 * What Trivet uses of Bun. It stands here, and not in types.d.ts, so that a
 * program that is checked by another deno.json knows it too, and its own
 * globals stay as they are.
 * @module
 */

/** A socket of Bun's loop, with whatever belongs to it. */
export interface ApiSocket<T> {
  data: T;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly fd: number;
  /** How many bytes the kernel took; Bun keeps nothing of the others. Negative if it is closed. */
  write(bytes: Uint8Array): number;
  shutdown(): void;
  close(): void;
  /** Closes with RST. */
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean, delay: number): void;
}

/** What Bun calls for a socket. */
export interface SocketHandlers<T> {
  open?(socket: ApiSocket<T>): void;
  data(socket: ApiSocket<T>, chunk: Uint8Array): void;
  drain?(socket: ApiSocket<T>): void;
  end?(socket: ApiSocket<T>): void;
  error?(socket: ApiSocket<T>, error: Error): void;
  close?(socket: ApiSocket<T>, error?: Error): void;
}

/** A listening socket of Bun's loop. */
export interface ApiListener {
  readonly port?: number;
  readonly fd: number;
  stop(closeConnections: boolean): void;
}

/** An address, or a descriptor to adopt. */
type Where = { hostname: string; port: number } | { unix: string } | { fd: number };

interface Api {
  listen<T>(options: Where & { allowHalfOpen: boolean; socket: SocketHandlers<T> }): ApiListener;
  connect<T>(
    options: Where & { allowHalfOpen: boolean; socket: SocketHandlers<T> },
  ): Promise<ApiSocket<T>>;
  /** Collects garbage; `all` also of what was compiled and is not used. */
  gc(all: boolean): void;
  readonly FFI: {
    dlopen(name: string, functions: Record<string, { args: string[]; returns: string }>): {
      // deno-lint-ignore no-explicit-any -- only the caller knows a C function's signature
      readonly symbols: Record<string, (...args: any[]) => any>;
      close(): void;
    };
    readonly read: { i32(pointer: unknown, offset: number): number };
    toArrayBuffer(pointer: unknown, offset: number, size: number): ArrayBuffer;
  };
}

/** Bun's global. */
export const Bun: Api = (globalThis as unknown as { Bun: Api }).Bun;
