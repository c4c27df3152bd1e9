/** How many sockets this process has open. Linux only. */
export function openSockets(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
    } catch {
      return false; // that of the folder itself
    }
  }).length;
}
