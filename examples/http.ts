/**
 * A small HTTP/1.1 server, for curl, browsers and wrk.
 *
 * It shows lines with CRLF only, bodies that have a length or come in chunks, limits
 * of all that a client sends, and a time for a whole request. What is not exactly
 * HTTP is refused, and the connection closed: two servers that read one request
 * differently let a client smuggle another one past the first.
 *
 * For any model; `multiplex` if many clients keep their connections.
 *
 *     deno run -A cli.ts serve --handler examples/http.ts
 *     printf 'GET / HTTP/1.0\r\n\r\n' | deno run -A cli.ts connect
 *
 * answers `HTTP/1.1 200 OK`, `Connection: close`, `Content-Length: 6`, an empty line
 * and `Hello`. Or, with curl:
 * `curl -i http://127.0.0.1:8888/`, and `curl -d hello http://127.0.0.1:8888/echo`,
 * which sends back what it is sent, in the form in which that came.
 * @module
 */
import { Framed, type Handler, TooLong, UnexpectedEnd } from "../mod.ts";

/** The most bytes of the request line and the header fields together. */
const LARGEST_HEAD = 16384;
/** The most bytes of a body. */
const LARGEST_BODY = 1 << 20;
/** The most chunks of a body: one of a byte costs a hundred of memory. */
const MOST_CHUNKS = 16384;
/** Milliseconds for a request to come, from the end of the one before. */
const PATIENCE = 60_000;

/** What a client has sent. */
interface Request {
  readonly method: string;
  readonly path: string;
  readonly minor: number;
  readonly fields: ReadonlyMap<string, string>;
  /** How its body comes: in chunks, or so many bytes. */
  readonly length: number | "chunked";
}

/** A request that is not served; the connection is closed, because its end is not known. */
class Refusal extends Error {
  readonly status: string;
  constructor(status: string) {
    super(status);
    this.status = status;
  }
}

/** Answers requests until one of the two wants to stop. */
const http: Handler = async (connection) => {
  // Answers to requests that came together go out together.
  const io = new Framed(connection, { collect: true, maxLine: LARGEST_HEAD });
  try {
    for (let again = true; again;) {
      const request = await readRequest(io);
      if (request === null) return;
      again = keepsAlive(request);
      await answer(io, request, again);
    }
  } catch (error) {
    // The client has left in the middle, or was silent for too long.
    if (error instanceof UnexpectedEnd) return;
    if (error instanceof DOMException && error.name === "TimeoutError") return;
    if (!(error instanceof Refusal)) throw error;
    await respond(io, error.status, "close", `${error.status}\n`);
  }
};
export default http;

async function answer(io: Framed, request: Request, again: boolean): Promise<void> {
  const keep = again ? "keep-alive" : "close";
  const { method, path, length } = request;
  if (path === "/echo" && method === "POST") {
    const body = await readBody(io, request);
    if (length !== "chunked" || request.minor === 0) return respond(io, "200 OK", keep, body);
    await io.write(head("200 OK", keep, "Transfer-Encoding: chunked"));
    for (const chunk of body) await io.write(`${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
    return io.write("0\r\n\r\n");
  }
  await readBody(io, request); // the next request stands behind it
  if (path === "/echo") return respond(io, "405 Method Not Allowed", keep, "", "Allow: POST");
  if (method !== "GET" && method !== "HEAD") return respond(io, "501 Not Implemented", keep, "");
  const found = path === "/";
  const text = found ? "Hello\n" : "There is nothing here\n";
  // The answer to HEAD says how long the body would be, and has none.
  const status = found ? "200 OK" : "404 Not Found";
  if (method === "GET") return respond(io, status, keep, text);
  return io.write(head(status, keep, `Content-Length: ${text.length}`));
}

/** A head: HTTP/1.1 also for a client of 1.0, which is told what becomes of the connection. */
function head(status: string, keep: string, ...fields: string[]): string {
  return [`HTTP/1.1 ${status}`, `Connection: ${keep}`, ...fields, "\r\n"].join("\r\n");
}

/** A whole response. A body in pieces is not copied together. */
function respond(
  io: Framed,
  status: string,
  keep: string,
  body: string | Uint8Array[],
  ...fields: string[]
): Promise<void> {
  const pieces = typeof body === "string" ? [encoder.encode(body)] : body;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return io.write(head(status, keep, `Content-Length: ${length}`, ...fields), ...pieces);
}

const encoder = new TextEncoder();

function keepsAlive({ minor, fields }: Request): boolean {
  const wanted = (fields.get("connection") ?? "").toLowerCase().split(/\s*,\s*/);
  return minor === 1 ? !wanted.includes("close") : wanted.includes("keep-alive");
}

/** The head of the next request; null at the end. */
async function readRequest(io: Framed): Promise<Request | null> {
  const deadline = performance.now() + PATIENCE;
  let left = LARGEST_HEAD;
  const next = async () => {
    const text = await line(io, left, "431 Request Header Fields Too Large", deadline);
    left -= (text?.length ?? 0) + 2;
    return text;
  };
  let first = await next();
  if (first === "") first = await next(); // RFC 9112, 2.2
  if (first === null) return null;
  const request = /^([!#$%&'*+.^_`|~\w-]+) ([!-~]+) HTTP\/1\.([01])$/.exec(first);
  if (!request) throw new Refusal("400 Bad Request");
  const fields = new Map<string, string>();
  for (let text; (text = await next()) !== "";) {
    // No space before the colon, no line that goes on: RFC 9112, 5.1 and 5.2.
    const field = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(text ?? "");
    // deno-lint-ignore no-control-regex -- they are what it looks for
    if (!field || /[\0-\x08\x0a-\x1f\x7f]/.test(field[2])) throw new Refusal("400 Bad Request");
    const name = field[1].toLowerCase();
    const before = fields.get(name);
    if (before !== undefined && SINGLE.has(name)) throw new Refusal("400 Bad Request");
    fields.set(name, before === undefined ? field[2] : `${before}, ${field[2]}`);
  }
  const minor = Number(request[3]);
  if (minor === 1 && !fields.get("host")) throw new Refusal("400 Bad Request");
  const length = bodyLength(fields, minor);
  return { method: request[1], path: request[2], minor, fields, length };
}

/** Fields of which a second one would be smuggled. */
const SINGLE = new Set(["content-length", "host", "transfer-encoding"]);

/** How the body comes: both ways at once, or another one, would be read differently by others. */
function bodyLength(fields: ReadonlyMap<string, string>, minor: number): number | "chunked" {
  const coding = fields.get("transfer-encoding");
  const length = fields.get("content-length");
  if (coding !== undefined) {
    if (length !== undefined || minor === 0) throw new Refusal("400 Bad Request");
    if (coding.toLowerCase() !== "chunked") throw new Refusal("501 Not Implemented");
    return "chunked";
  }
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) throw new Refusal("400 Bad Request");
  if (Number(length) > LARGEST_BODY) throw new Refusal("413 Content Too Large");
  return Number(length);
}

/** The body, in the pieces in which it came. */
async function readBody(io: Framed, { fields, length, minor }: Request): Promise<Uint8Array[]> {
  if (length === 0) return [];
  if (minor === 1 && fields.get("expect")?.toLowerCase() === "100-continue") {
    await io.write("HTTP/1.1 100 Continue\r\n\r\n"); // the next read sends it
  }
  const timeout = PATIENCE;
  if (length !== "chunked") return [await io.readExactly(length, { timeout })];
  const deadline = performance.now() + timeout;
  const chunks: Uint8Array[] = [];
  for (let total = 0;;) {
    const size = /^([\da-f]{1,8})[ \t]*(;.*)?$/i.exec(await demand(io, deadline));
    if (!size) throw new Refusal("400 Bad Request");
    const bytes = parseInt(size[1], 16);
    if (bytes === 0) break;
    if ((total += bytes) > LARGEST_BODY || chunks.length === MOST_CHUNKS) {
      throw new Refusal("413 Content Too Large");
    }
    chunks.push(await io.readExactly(bytes, { timeout: deadline - performance.now() }));
    if (await demand(io, deadline) !== "") throw new Refusal("400 Bad Request");
  }
  // Fields behind the body, of which none means anything here.
  for (let left = LARGEST_HEAD, text; (text = await demand(io, deadline)) !== "";) {
    if ((left -= text.length) < 0) throw new Refusal("431 Request Header Fields Too Large");
  }
  return chunks;
}

/** A line that must come. */
async function demand(io: Framed, deadline: number): Promise<string> {
  const text = await line(io, LARGEST_HEAD, "400 Bad Request", deadline);
  if (text === null) throw new UnexpectedEnd(new Uint8Array(0), null);
  return text;
}

/** A line that ends with CRLF, as it must. */
async function line(
  io: Framed,
  max: number,
  tooLong: string,
  deadline: number,
): Promise<string | null> {
  try {
    const timeout = deadline - performance.now();
    return await io.readLine({ strict: true, max: Math.max(1, max), timeout });
  } catch (error) {
    if (error instanceof TooLong) throw new Refusal(tooLong);
    if (error instanceof SyntaxError || error instanceof TypeError) {
      throw new Refusal("400 Bad Request"); // LF alone, or no UTF-8
    }
    throw error;
  }
}
