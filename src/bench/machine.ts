/**
 * What the figures were measured on.
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { VERSION } from "../version.ts";
import { processorName, processors } from "./process_tree.ts";

/** One line about this machine and this program. */
export function machine(runtime: Runtime): string {
  const kernel = runtime.readText("/proc/sys/kernel/osrelease")?.trim() ?? "";
  const words = [
    `trivet ${VERSION}`,
    `${runtime.name} ${runtime.version}`,
    `${processors(runtime)} × ${processorName(runtime)}`,
    `Linux ${kernel}`,
  ];
  return words.join(", ");
}
