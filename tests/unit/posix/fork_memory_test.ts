import { assert } from "@std/assert";
import { ForkMemory } from "../../../src/posix/fork_memory.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { runtime } from "../../../src/runtimes/deno.ts";

const MADV_DONTFORK = 10;
const READ_WRITE = 3;
const PRIVATE_ANONYMOUS = 0x22;
const SIZE = 4096n;

/** Where the mapping with this address begins and ends, and its flags. */
function mapping(wanted: (line: string, start: bigint) => boolean) {
  const blocks = Deno.readTextFileSync("/proc/self/smaps").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  for (const block of blocks) {
    const [start, end] = block.split(" ", 1)[0].split("-").map((hex) => BigInt(`0x${hex}`));
    if (wanted(block.split("\n", 1)[0], start)) return { start, end, block };
  }
  throw new Error("there is no such mapping");
}

// It opens the C library for good.
Deno.test({
  sanitizeResources: false,
  name: "memory is copied also above what the kernel has mapped for itself",
  fn() {
    const { symbols } = Deno.dlopen("libc.so.6", {
      mmap: { parameters: ["u64", "u64", "i32", "i32", "i32", "i64"], result: "u64" },
      madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
    });
    const kernels = mapping((line) => line.endsWith("[vvar]"));
    const hint = kernels.end + (1n << 28n);
    const address = symbols.mmap(hint, SIZE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0n);
    assert(address > kernels.start);
    symbols.madvise(address, SIZE, MADV_DONTFORK);
    const isKept = () => / dc/.test(mapping((_, start) => start === address).block);
    assert(isKept());
    const memory = new ForkMemory(runtime, new Libc(runtime));
    symbols.madvise(address, SIZE, MADV_DONTFORK); // as new memory is
    assert(isKept());
    memory.include();
    assert(!isKept());
  },
});
