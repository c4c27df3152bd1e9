/** What a process holds, from /proc; nothing when it has ended meanwhile. Linux only. */

/** How many names a folder has. */
export function entries(path: string): number {
  try {
    return [...Deno.readDirSync(path)].length;
  } catch {
    return 0;
  }
}

/** KiB of its memory of one kind, as proc_pid_smaps_rollup(5) names it. */
export function kilobytes(pid: number, kind: "Pss_Anon" | "Private_Dirty"): number {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
    return Number(new RegExp(`^${kind}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
