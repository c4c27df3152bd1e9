// Types for the packages of the import map, whose republication carries none.

declare module "@std/assert" {
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    // deno-lint-ignore no-explicit-any -- a constructor may take any arguments
    errorClass: new (...args: any[]) => E,
    msgIncludes?: string,
  ): Promise<E>;
  export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any -- a constructor may take any arguments
    errorClass: new (...args: any[]) => E,
    msgIncludes?: string,
  ): E;
}

declare module "@std/cli/parse-args" {
  export function parseArgs(args: string[], options?: {
    string?: string[];
    boolean?: string[];
    alias?: Record<string, string>;
    stopEarly?: boolean;
    unknown?: (argument: string, key?: string) => unknown;
  }): { _: (string | number)[] } & Record<string, unknown>;
}

declare module "@std/net/get-available-port" {
  export function getAvailablePort(
    options?: { preferredPort?: number },
  ): number;
}

/** What Trivet uses of Bun, which `deno check` does not know. */
declare namespace Bun {
  interface Socket<T> {
    data: T;
    readonly localAddress: string;
    readonly localPort: number;
    readonly remoteAddress: string;
    readonly remotePort: number;
    write(bytes: Uint8Array): number;
    shutdown(): void;
    close(): void;
    pause(): void;
    resume(): void;
    setNoDelay(on: boolean): void;
    setKeepAlive(on: boolean, delay: number): void;
  }
  interface SocketHandlers<T> {
    open?(socket: Socket<T>): void;
    data(socket: Socket<T>, chunk: Uint8Array): void;
    drain?(socket: Socket<T>): void;
    end?(socket: Socket<T>): void;
    error?(socket: Socket<T>, error: Error): void;
    close?(socket: Socket<T>, error?: Error): void;
  }
  interface SocketListener {
    readonly port: number;
    stop(closeConnections: boolean): void;
  }
  type Where = { hostname: string; port: number } | { unix: string } | { fd: number };
  function listen<T>(
    options: Where & { allowHalfOpen: boolean; socket: SocketHandlers<T> },
  ): SocketListener;
  function connect<T>(
    options: Where & { allowHalfOpen: boolean; socket: SocketHandlers<T> },
  ): Promise<Socket<T>>;
  const FFI: {
    dlopen(name: string, functions: Record<string, { args: string[]; returns: string }>): {
      // deno-lint-ignore no-explicit-any -- only the caller knows a C function's signature
      readonly symbols: Record<string, (...args: any[]) => any>;
      close(): void;
    };
    readonly read: { i32(pointer: unknown, offset: number): number };
  };
}
