/**
 * A connection's bytes as web streams.
 * @module
 */
import { nextSize } from "./growing_buffer.ts";

/** The calls that the streams are made of. */
export interface StreamCalls {
  /** See `Connection.read`. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** See `Connection.write`. */
  write(bytes: Uint8Array): Promise<void>;
  /** See `Connection.closeWrite`. */
  closeWrite(): Promise<void>;
  /** See `Connection.close`. */
  close(): void;
  /** Closes with RST, where that can be done. */
  reset(): void;
}

/** The two streams of a connection, each made when it is first asked for. */
export class ConnectionStreams {
  readonly #calls: StreamCalls;
  #readable: ReadableStream<Uint8Array> | null = null;
  #writable: WritableStream<Uint8Array> | null = null;

  constructor(calls: StreamCalls) {
    this.#calls = calls;
  }

  /** The bytes that come; cancelling it is `close`. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= readableOf(this.#calls);
  }

  /** The bytes that go; closing it is `closeWrite`, aborting it is `reset`. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(this.#calls);
  }
}

function readableOf(calls: StreamCalls): ReadableStream<Uint8Array> {
  let buffer: Uint8Array<ArrayBuffer> | null = null;
  let size = nextSize(null, 0);
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      buffer ??= new Uint8Array(size);
      const length = await calls.read(buffer);
      if (length === null) return controller.close();
      size = nextSize(buffer, length);
      const isSmall = length < buffer.length / 4;
      controller.enqueue(isSmall ? buffer.slice(0, length) : buffer.subarray(0, length));
      if (!isSmall || size < buffer.length) buffer = null;
    },
    cancel: () => calls.close(),
    // 0: with the default, a stream reads ahead of the answer to what it has
    // read, and a blocking read would then wait for ever.
  }, { highWaterMark: 0 });
}

function writableOf(calls: StreamCalls): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    // `abort` below is called only when a pending write has ended.
    start: ({ signal }) => signal.addEventListener("abort", () => calls.reset()),
    write: (bytes) => calls.write(bytes),
    close: () => calls.closeWrite(),
    abort: () => calls.reset(),
  });
}
