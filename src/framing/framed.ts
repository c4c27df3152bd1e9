/**
 * Messages out of a stream: lines, frames with a length, and others.
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import { asError, ignore, refusal, rejected } from "../connection/errors.ts";
import { TooLong } from "./errors.ts";
import { type FrameForm, frameHeader, headerSize, payloadLength } from "./frame_header.ts";
import { HeldBack } from "./held_back.ts";
import {
  type FramedOptions,
  limit,
  limits,
  type LineOptions,
  type Parse,
  type ReadOptions,
} from "./options.ts";
import { type OwnConnection, Receiver } from "./receiver.ts";
import { encode } from "./text.ts";

/**
 * A connection as messages, wherever TCP has split them.
 *
 * - Limits always exist: {@linkcode FramedOptions} names the usual ones.
 * - The end is `null` between messages, and {@linkcode UnexpectedEnd} in one.
 * - Each read takes a `timeout` and a `signal` for the whole message. If they end
 *   it, no byte is lost, and the next read goes on.
 * - Bytes that are returned are yours: a view of what was read where a message lay
 *   in one buffer, never overwritten. A small one holds up to 64 KiB in memory:
 *   `slice()` what you keep for long.
 * - One read at a time: a second one, for which an `await` is missing, throws `EBUSY`
 *   and resets the connection. Use that through its `Framed` only, until
 *   {@linkcode Framed.rest}.
 *
 * @example
 * ```ts
 * import { Framed, type Handler } from "./mod.ts";
 *
 * const handler: Handler = async (connection) => {
 *   const io = new Framed(connection, { maxLine: 1024 });
 *   for await (const line of io.lines()) await io.writeLine(line.toUpperCase());
 * };
 * export default handler;
 * ```
 */
export class Framed {
  readonly #connection: OwnConnection;
  readonly #maxLine: number;
  readonly #maxFrame: number;
  readonly #receiver: Receiver;
  readonly #held: HeldBack | null = null;

  /**
   * Begins with what the connection reads next.
   * @throws {RangeError} if a limit is no whole number from 1 on
   */
  constructor(connection: Connection, options: FramedOptions = {}) {
    const own: OwnConnection = this.#connection = connection;
    ({ maxLine: this.#maxLine, maxFrame: this.#maxFrame } = limits(options));
    // Others could not be told to write at their end what is held back.
    if (options.collect && own.beforeEnd !== undefined) {
      const held = this.#held = new HeldBack((bytes) => connection.write(bytes));
      own.beforeEnd = () => void held.flush().catch(ignore);
    }
    const receiver = this.#receiver = new Receiver(own, options.onTooLong ?? "error", this.#held);
    if (own.beforeTls !== undefined) own.beforeTls = () => receiver.forget();
  }

  /**
   * The next line as text, without its LF or CRLF; `null` at the end.
   * @throws {TooLong} if it has more than `max` bytes, with its end
   * @throws {UnexpectedEnd} if the stream ends in it
   * @throws {SyntaxError} if it is to be `strict` and ends with LF alone; then it is taken
   * @throws {TypeError} if it is not UTF-8; then it is taken
   */
  readLine(options: LineOptions = NONE): Promise<string | null> {
    return this.#receiver.next(() => this.#line(options, this.#takeText), options);
  }

  /** As {@linkcode Framed.readLine}, as bytes, whatever they are. */
  readLineBytes(options: LineOptions = NONE): Promise<Uint8Array | null> {
    return this.#receiver.next(() => this.#line(options, this.#takeBytes), options);
  }

  /** The lines up to the end. Whoever leaves the loop early can read on. */
  lines(options: LineOptions = NONE): AsyncIterableIterator<string> {
    const lines: AsyncIterableIterator<string> = {
      next: async () => {
        const value = await this.readLine(options);
        return value === null ? { done: true, value: undefined } : { done: false, value };
      },
      [Symbol.asyncIterator]: () => lines,
    };
    return lines;
  }

  /**
   * The bytes before a delimiter, which is taken too; `null` at the end.
   * @throws {TooLong} if with the delimiter they are more than `max`, by default `maxLine`
   * @throws {UnexpectedEnd} if the stream ends before the delimiter
   * @throws {RangeError} if the delimiter is empty
   */
  readUntil(delimiter: Uint8Array, options: ReadOptions = NONE): Promise<Uint8Array | null> {
    if (delimiter.length === 0) return rejected(new RangeError("Cannot look for no delimiter"));
    return this.#receiver.next(() => {
      const length = this.#receiver.find(delimiter, most(options, this.#maxLine));
      if (length === undefined || length === null) return length;
      const bytes = this.#receiver.incoming.take(length);
      this.#receiver.incoming.drop(delimiter.length);
      return bytes;
    }, options);
  }

  /**
   * Exactly so many bytes, or as many as the buffer has room for, which is
   * returned then. The end is never `null` here: {@linkcode Framed.peek} tells it.
   * @throws {TooLong} if a number is more than `max`, by default `maxFrame`
   * @throws {UnexpectedEnd} if the stream ends before
   */
  readExactly(wanted: number | Uint8Array, options: ReadOptions = NONE): Promise<Uint8Array> {
    const receiver = this.#receiver;
    const { incoming } = receiver;
    const length = typeof wanted === "number" ? wanted : wanted.length;
    const isDirect = typeof wanted !== "number" && options.timeout === undefined &&
      options.signal === undefined;
    const found = receiver.next(() => {
      if (typeof wanted === "number") this.#check(wanted, options);
      if (incoming.length >= length) return incoming.take(length);
      // What is given up has to stay here.
      if (isDirect && incoming.length > 0 && !receiver.reads) return incoming.take(incoming.length);
      return receiver.missing(length, length);
    }, options);
    return typeof wanted === "number" ? found : this.#fill(wanted, found);
  }

  async #fill(buffer: Uint8Array, found: Promise<Uint8Array>): Promise<Uint8Array> {
    const bytes = await found;
    buffer.set(bytes);
    if (bytes.length < buffer.length) await this.#receiver.fill(buffer, bytes.length);
    return buffer;
  }

  /**
   * The payload of a frame that begins with its length; `null` at the end.
   * @throws {TooLong} by its length alone, if it declares more than `max`, by default `maxFrame`
   * @throws {UnexpectedEnd} if the stream ends in it
   * @throws {SyntaxError} if it declares less than the header that it includes
   */
  readFrame(options: FrameForm & ReadOptions = NONE): Promise<Uint8Array | null> {
    const receiver = this.#receiver;
    return receiver.next(() => {
      const { incoming } = receiver;
      if (incoming.length === 0 && receiver.ended) return null;
      const header = headerSize(options);
      if (incoming.length < header) return receiver.missing(header, header);
      const payload = payloadLength(incoming, header, options);
      const max = most(options, this.#maxFrame);
      if (payload > max) throw receiver.tooLong(max, payload, header + payload);
      const length = header + payload;
      if (incoming.length < length) return receiver.missing(length, length);
      incoming.drop(header);
      return incoming.take(payload);
    }, options);
  }

  /**
   * A message of any other form, as `parse` finds it in the bytes that have come, from
   * `start` on; `null` at the end. It sees them again when more have come, so it says how many
   * it needs where it knows, and looks at each byte once more at the most. Lengths are
   * counted from `start`.
   * @throws {TooLong} if it has more than `max` bytes, by default `maxFrame`
   * @throws {UnexpectedEnd} if the stream ends in it
   * @throws what `parse` throws; nothing is taken then
   */
  readMessage<T extends NonNullable<unknown>>(
    parse: Parse<T>,
    options: ReadOptions = NONE,
  ): Promise<T | null> {
    return this.#receiver.next(this.#message(parse, options), options);
  }

  /**
   * All messages that have come, as {@linkcode Framed.readMessage} reads one: at least one,
   * or `null` at the end. For pipelines: a promise for each takes longer than a short
   * message. What is wrong with one behind the first is thrown by the next read.
   */
  readMessages<T extends NonNullable<unknown>>(
    parse: Parse<T>,
    options: ReadOptions = NONE,
  ): Promise<T[] | null> {
    const look = this.#message(parse, options);
    return this.#receiver.next(() => {
      const first = look();
      if (first === undefined || first === null) return first;
      const all = [first];
      try {
        while (this.#receiver.incoming.length > 0) {
          const next = look();
          if (next === undefined || next === null) break;
          all.push(next);
        }
      } catch {
        // It took nothing, so the next read finds the same.
      }
      return all;
    }, options);
  }

  #message<T>(parse: Parse<T>, options: ReadOptions): () => T | null | undefined {
    const receiver = this.#receiver;
    let needed = 1;
    return () => {
      const { incoming } = receiver;
      const { length } = incoming;
      if (length === 0 && receiver.ended) return null;
      const max = most(options, this.#maxFrame);
      if (length >= needed) {
        const found = parse(incoming.whole, incoming.start);
        const seen = typeof found === "number" ? Math.max(found, length + 1) : found.length;
        if (seen > max) throw new TooLong(max, seen);
        if (typeof found !== "number") {
          if (!(seen > 0 && seen <= length)) {
            throw new RangeError(`Cannot take a message of ${seen} of ${length} bytes`);
          }
          incoming.drop(seen);
          needed = 1;
          return found.message;
        }
        needed = seen;
      }
      return receiver.missing(null, max);
    };
  }

  /**
   * So many bytes, or fewer at the end, without taking them; `null` where none is left.
   * @throws {TooLong} if they are more than `max`, by default `maxFrame`
   */
  peek(wanted: number, options: ReadOptions = NONE): Promise<Uint8Array | null> {
    const receiver = this.#receiver;
    return receiver.next(() => {
      this.#check(wanted, options);
      const { length } = receiver.incoming;
      if (length >= wanted) return receiver.incoming.view(wanted);
      if (!receiver.ended) return receiver.missing(wanted, wanted);
      return length === 0 ? null : receiver.incoming.view(length);
    }, options);
  }

  /**
   * Hands what was read and not taken back to the connection, whose `read` and
   * `readable` begin with it: for what comes behind the messages, such as another
   * protocol.
   * @throws {SystemError} with `EBUSY` while a read waits, also one that was given up
   * @throws {TypeError} if the connection is none of Trivet's
   */
  rest(): Connection {
    if (this.#receiver.waits) throw refusal("EBUSY");
    const connection = this.#connection;
    if (!connection.handOn) throw new TypeError("Cannot hand bytes back to such a connection");
    this.flush().catch(ignore); // the next write tells
    const { incoming } = this.#receiver;
    connection.handOn(incoming.take(incoming.length));
    return connection;
  }

  /**
   * Writes text, as UTF-8, and bytes, all in one, as {@linkcode Connection.write} does.
   * @throws {TypeError} if it is anything else
   */
  write(...pieces: (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      if (typeof piece !== "string" && !(piece instanceof Uint8Array)) {
        return rejected(new TypeError("Cannot write anything but text and Uint8Arrays"));
      }
    }
    if (this.#held !== null) return this.#held.add(pieces);
    const bytes = pieces.map(encode);
    return this.#connection.write(bytes.length === 1 ? bytes[0] : bytes);
  }

  /**
   * Writes a line and its end.
   * @param end such as "\r\n"
   * @throws {TypeError} if it has an LF in it, and would be two
   */
  writeLine(line: string | Uint8Array, end = "\n"): Promise<void> {
    if (typeof line === "string" ? line.includes("\n") : line.includes(LF[0])) {
      return rejected(new TypeError("Cannot write a line with a newline in it"));
    }
    return typeof line === "string" ? this.write(line + end) : this.write(line, end);
  }

  /**
   * Writes a frame: the length of the payload, and the payload.
   * @throws {RangeError} if the length does not fit
   */
  writeFrame(payload: string | Uint8Array, form: FrameForm = NONE): Promise<void> {
    const bytes = encode(payload);
    let header;
    try {
      header = frameHeader(bytes.length, form);
    } catch (error) {
      return rejected(asError(error));
    }
    return this.write(header, bytes);
  }

  /** Writes what `collect` holds back; resolves when the kernel has it. */
  flush(): Promise<void> {
    return this.#held?.flush() ?? Promise.resolve();
  }

  /** One line, as `take` gives so many of its bytes. */
  #line<T>(options: LineOptions, take: (length: number) => T): T | null | undefined {
    const length = this.#receiver.find(LF, most(options, this.#maxLine));
    if (length === undefined || length === null) return length;
    const { incoming } = this.#receiver;
    const hasCr = length > 0 && incoming.at(length - 1) === CR;
    try {
      if (!hasCr && options.strict) {
        throw new SyntaxError("A line ended with LF alone, and must end with CRLF");
      }
      return take(hasCr ? length - 1 : length);
    } finally {
      incoming.drop(length + 1);
    }
  }

  #takeText = (length: number): string => this.#receiver.incoming.text(length);
  #takeBytes = (length: number): Uint8Array => this.#receiver.incoming.view(length);

  #check(wanted: number, options: ReadOptions): void {
    if (!Number.isSafeInteger(wanted) || wanted < 0) {
      throw new RangeError(`Cannot read ${wanted} bytes`);
    }
    const max = most(options, this.#maxFrame);
    if (wanted > max) throw new TooLong(max, wanted);
  }
}

const LF = new Uint8Array([0x0a]);
const CR = 0x0d;
const NONE = {};

/** The limit of one read. */
function most({ max }: ReadOptions, usual: number): number {
  return max === undefined ? usual : limit("max", max);
}
