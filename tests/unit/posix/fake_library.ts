/** A C library that is made of fakes. */
import type { ForeignLibrary, Runtime } from "../../../src/runtime.ts";
import { detect } from "../../../src/runtimes/detect.ts";

const runtime = await detect();

type Fakes = Record<string, (...args: never[]) => unknown>;

/** A runtime whose C library is made of fakes; what is not given returns 0. */
export function withLibrary(
  fakes: Fakes,
  errno: () => number = () => 0,
): Runtime & { opened: number } {
  const fake = {
    ...runtime,
    opened: 0,
    openLibrary(): ForeignLibrary {
      fake.opened++;
      return {
        functions: new Proxy(fakes, { get: (all, name: string) => all[name] ?? (() => 0) }),
        readInt32: errno,

        memoryAt: () => null,
        close: () => fake.opened--,
      };
    },
  };
  return fake;
}
