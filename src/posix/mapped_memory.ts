/**
 * Memory that processes share, as an ArrayBuffer: a file that is mapped (mmap(2)).
 * Linux only.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import type { ForeignFunctions, Runtime } from "../runtime.ts";

const FUNCTIONS: ForeignFunctions = {
  mmap: { parameters: ["u64", "u64", "i32", "i32", "i32", "u64"], result: "pointer" },
};

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/**
 * The first bytes of a file. They stay mapped, in forks too, when the descriptor is
 * closed, until this process ends; and so does the library stay open.
 * @throws {SystemError} if it cannot be mapped
 */
export function mapMemory(runtime: Runtime, descriptor: number, size: number): ArrayBuffer {
  const library = runtime.openLibrary(FUNCTIONS);
  const pointer = library.functions.mmap(
    0n,
    BigInt(size),
    PROT_READ_WRITE,
    MAP_SHARED,
    descriptor,
    0n,
  );
  const memory = library.memoryAt(pointer, size);
  if (memory === null) throw new SystemError("ENOMEM", "Cannot map the memory that workers share");
  return memory;
}
