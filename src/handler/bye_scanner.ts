/**
 * Finding `bye` in a stream.
 * @module
 */

const B = 0x62, Y = 0x79, E = 0x65;
/** From so many bytes on they are worth a copy to where sixteen are compared at once. */
const WORTH_IT = 256;
/** So many fit there. */
const MOST = 65536;

/** Finds the first `bye` in a stream that comes in segments. */
export class ByeScanner {
  /** The last two bytes of what came before this segment. */
  #last2 = 0;
  #last1 = 0;

  /**
   * Where in `segment` the echo stops, or -1 if it does not. What of `bye`
   * earlier segments have brought is already echoed, so then it stops at 0.
   */
  find(segment: Uint8Array): number {
    const length = segment.length;
    if (length === 0) return -1;
    if (this.#last2 === B && this.#last1 === Y && segment[0] === E) return 0;
    if (this.#last1 === B && segment[0] === Y && segment[1] === E) return 0;
    const suits = length >= WORTH_IT && length <= MOST;
    if (suits && vectors === undefined) vectors = instantiate();
    const stop = suits && vectors ? vectors.find(segment) : indexOfBye(segment);
    if (stop >= 0) return stop;
    this.#last2 = length > 1 ? segment[length - 2] : this.#last1;
    this.#last1 = segment[length - 1];
    return -1;
  }
}

function indexOfBye(bytes: Uint8Array, from = 0): number {
  const end = bytes.length - 2;
  for (let i = from; i < end; i++) {
    if (bytes[i + 1] === Y && bytes[i] === B && bytes[i + 2] === E) return i;
  }
  return -1;
}

/** The WebAssembly below in this thread, from the first long segment on; null where it cannot be. */
let vectors: { find(bytes: Uint8Array): number } | null | undefined;

function instantiate(): typeof vectors {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(CODE));
    const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
    const find = exports.find as (length: number) => number;
    return {
      find(bytes) {
        memory.set(bytes);
        const block = find(bytes.length);
        // It may be in what a longer segment has left there, beyond this one.
        return block < 0 ? -1 : indexOfBye(bytes, block);
      },
    };
  } catch {
    return null; // a processor without vectors, V8's --jitless, or too little address space
  }
}

/**
 * Finds the first block of 32 bytes in which a `bye` begins: sixteen bytes at a time
 * are compared with b, those that begin one later with y, two later with e, and where
 * all three are equal, a byte of ones is left. See docs/measurements.md. Encoded by hand, as
 * https://webassembly.github.io/spec/core/binary/ has it.
 */
// deno-fmt-ignore -- an instruction in each line
const CODE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  // (type (func (param $length i32) (result i32)))
  1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,
  // (func (type 0))
  3, 2, 1, 0,
  // (memory 2), in pages of 64 KiB: a segment, and what is loaded beyond it
  5, 3, 1, 0, 2,
  // (export "memory" (memory 0)) (export "find" (func 0))
  7, 17, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 4, 0x66, 0x69, 0x6e, 0x64, 0, 0,
  // (code) with (local $at i32) (local $b v128) (local $y v128) (local $e v128)
  10, 124, 1, 122, 2, 1, 0x7f, 3, 0x7b,
    0x41, 0xe2, 0x00, 0xfd, 0x0f, 0x21, 2, //   (local.set $b (i8x16.splat (i32.const 0x62)))
    0x41, 0xf9, 0x00, 0xfd, 0x0f, 0x21, 3, //   (local.set $y (i8x16.splat (i32.const 0x79)))
    0x41, 0xe5, 0x00, 0xfd, 0x0f, 0x21, 4, //   (local.set $e (i8x16.splat (i32.const 0x65)))
    0x03, 0x40,                            //   loop
    0x20, 1, 0xfd, 0, 0, 0,                //     (v128.load (local.get $at))
    0x20, 2, 0xfd, 0x23,                   //     (i8x16.eq (local.get $b))
    0x20, 1, 0xfd, 0, 0, 1,                //     (v128.load offset=1 (local.get $at))
    0x20, 3, 0xfd, 0x23,                   //     (i8x16.eq (local.get $y))
    0xfd, 0x4e,                            //     v128.and
    0x20, 1, 0xfd, 0, 0, 2,                //     (v128.load offset=2 (local.get $at))
    0x20, 4, 0xfd, 0x23,                   //     (i8x16.eq (local.get $e))
    0xfd, 0x4e,                            //     v128.and
    0x20, 1, 0xfd, 0, 0, 16,               //     the same for the second half of the block
    0x20, 2, 0xfd, 0x23,
    0x20, 1, 0xfd, 0, 0, 17,
    0x20, 3, 0xfd, 0x23,
    0xfd, 0x4e,
    0x20, 1, 0xfd, 0, 0, 18,
    0x20, 4, 0xfd, 0x23,
    0xfd, 0x4e,
    0xfd, 0x50, 0xfd, 0x53, 0x04, 0x40,    //     (if (v128.any_true (v128.or)))
    0x20, 1, 0x0f,                         //       (return (local.get $at))
    0x0b,                                  //     end
    0x20, 1, 0x41, 32, 0x6a, 0x22, 1,      //     (local.tee $at (i32.add (local.get $at) 32))
    0x20, 0, 0x48, 0x0d, 0,                //     (br_if 0 (i32.lt_s (local.get $length)))
    0x0b,                                  //   end
    0x41, 0x7f,                            //   (i32.const -1)
  0x0b,
]);
