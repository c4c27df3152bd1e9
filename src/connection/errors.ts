/**
 * Errors carry the POSIX name as `code` on every runtime; here they are made,
 * told apart, and sorted into what an accept loop does about them.
 * @module
 */

/** A failed system call, with its POSIX name as `code`. */
export class SystemError extends Error {
  /** The class, as it is printed. */
  override readonly name = "SystemError";
  /** The POSIX name, such as `ECONNRESET`. */
  readonly code: string;
  /** `message` is shown to people; `cause` is the runtime's own error. */
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The name that an error carries, POSIX's or a runtime's, or undefined. */
export function errorCode(error: unknown): string | undefined {
  try {
    const code = (error as { code?: unknown } | null)?.code;
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined; // it may be anything: a getter throws, a Proxy is revoked
  }
}

/** Characters of a message: what is thrown may be as long as what a client sends. */
const LARGEST_MESSAGE = 2048;

/** What there is to say about anything that was thrown, bounded. */
export function errorMessage(error: unknown): string {
  try {
    if (error instanceof Error) return cut(String(error.message));
    const text = String(error);
    return cut(text === "[object Object]" ? JSON.stringify(error) : text);
  } catch {
    return "something that cannot be written as text";
  }
}

/** The beginning of a text that is too long. */
export function cut(text: string, most: number = LARGEST_MESSAGE): string {
  return text.length > most ? text.slice(0, most) + "…" : text;
}

/** A {@linkcode SystemError} for a call on this connection that cannot succeed. */
export function refusal(
  code: "EBADF" | "EBUSY" | "EPIPE" | "ETIMEDOUT" | string,
): SystemError {
  return new SystemError(
    code,
    REFUSALS[code] ?? `The connection is broken: ${code}`,
  );
}

const REFUSALS: Record<string, string> = {
  EBADF: "The connection is closed",
  EBUSY: "Another read is pending on this connection: an `await` is missing before it",
  ECONNRESET: "The peer has gone",
  ENOBUFS: "Too many writes wait on this connection: an `await` is missing before them",
  EPIPE: "The connection's write side is closed",
  ETIMEDOUT: "The connection was idle for too long",
};

/**
 * The client is gone before it was accepted; the next one may be fine.
 * accept(2): "treat them like EAGAIN by retrying". ENOTCONN is what a runtime
 * makes of a client that reset before its address was asked for.
 */
const CLIENT_GONE = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "ENOTCONN",
  "EPROTO",
  "EPERM",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOPROTOOPT",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENONET",
  "EOPNOTSUPP",
  "EAGAIN",
  "EINTR",
  "ETIMEDOUT",
]);

/** Descriptors or memory have run out; waiting helps, hurrying does not. */
const NO_ROOM = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** What an accept loop does about a failed `accept`. */
export function acceptErrorClass(
  error: unknown,
): "client gone" | "no room" | "fatal" {
  const code = errorCode(error) ?? "";
  if (CLIENT_GONE.has(code)) return "client gone";
  return NO_ROOM.has(code) ? "no room" : "fatal";
}

/** With what `accept` fails where a client was accepted, and could not be made a connection. */
export function acceptError(error: unknown): unknown {
  if (acceptErrorClass(error) === "no room") return error;
  return new SystemError("ECONNABORTED", "The client left before it was served", error);
}

/** Anything that was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new SystemError("EIO", errorMessage(thrown));
}

/** For a rejection that nobody has to await. */
export function ignore(): void {}

/** A rejection that nobody has to await. */
export function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}
