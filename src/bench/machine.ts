/**
 * The machine that figures are measured on, see proc(5).
 * @module
 */
import type { Runtime } from "../runtime.ts";
import { readText } from "../runtimes/workbench.ts";
import { VERSION } from "../version.ts";

/** One line about this machine and this program. */
export function machine(runtime: Runtime): string {
  const kernel = readText("/proc/sys/kernel/osrelease")?.trim() ?? "";
  const words = [
    `trivet ${VERSION}`,
    `${runtime.name} ${runtime.version}`,
    `${processors()} × ${processorName()}`,
    `Linux ${kernel}`,
  ];
  return words.join(", ");
}

/** How many processors the machine has. */
export function processors(): number {
  return readText("/proc/stat")?.match(/^cpu\d/gm)?.length ?? 1;
}

/** The processor's name, for people. */
function processorName(): string {
  return /^model name\s*:\s*(.+)/m.exec(readText("/proc/cpuinfo") ?? "")?.[1] ?? "unknown";
}
