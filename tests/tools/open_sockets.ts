const LISTENS = "0A";

/**
 * How many sockets are open at either end of connections to a port of this machine, of any
 * process: test files share one, so its descriptors are not this test's. Linux only.
 */
export function openSockets(port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = Deno.readTextFileSync("/proc/net/tcp").trim().split("\n").slice(1);
  return lines.filter((line) => {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/ +/);
    const isOne = local.endsWith(end) || remote.endsWith(end);
    return isOne && state !== LISTENS && inode !== "0"; // 0: closed, or not accepted yet
  }).length;
}
