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
