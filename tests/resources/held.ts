/** What a server and its workers hold, read from /proc. */
import { MODELS } from "../../src/server/models.ts";
import { until } from "../tools/client.ts";
import { descendants } from "../tools/command.ts";
import { entries, kilobytes } from "../tools/proc.ts";

/**
 * Options for as many workers from the beginning as there may be, so that what is
 * measured is leaks and not growth.
 */
export function fixed(model: string): string[] {
  const { where } = MODELS[model as keyof typeof MODELS];
  return where === "main" ? [] : ["--max-connections", "4"];
}

/** What is counted. */
export interface Held {
  processes: number;
  threads: number;
  descriptors: number;
  kilobytes: number;
}

/** What a process and all that it started hold. */
export function held(pid: number): Held {
  const pids = [pid, ...descendants(pid)];
  const sum = (of: (pid: number) => number) => pids.reduce((total, pid) => total + of(pid), 0);
  return {
    processes: pids.length,
    threads: sum((pid) => entries(`/proc/${pid}/task`)),
    descriptors: sum((pid) => entries(`/proc/${pid}/fd`)),
    // Each process has a share of mapped files, which changes when others come and go.
    kilobytes: sum((pid) => kilobytes(pid, "Pss_Anon")),
  };
}

/** What must come back to exactly what it was. */
const counts = ({ processes, descriptors }: Held) => ({ processes, descriptors });

/** What it holds once it starts nothing and ends nothing any more. */
export async function settled(pid: number): Promise<Held> {
  let now = held(pid);
  await until("it stands still", async () => {
    const last = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
    now = held(pid);
    return now.threads === last.threads && Math.abs(now.kilobytes - last.kilobytes) < 1024 &&
      JSON.stringify(counts(now)) === JSON.stringify(counts(last));
  });
  return now;
}
