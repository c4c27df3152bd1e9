const LISTENS = "0A";
const CONNECTS = "02";

interface Found {
  readonly state: string;
  readonly isOpen: boolean;
}

/** The sockets at either end of a port of this machine, as proc_pid_net(5) has them. Linux only. */
function socketsOf(port: number): Found[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = Deno.readTextFileSync("/proc/net/tcp").trim().split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/ +/);
    if (!local.endsWith(end) && !remote.endsWith(end)) return [];
    // Without an inode it is closed, or not accepted yet.
    return [{ state, isOpen: state !== LISTENS && inode !== "0" }];
  });
}

/**
 * How many sockets are open at either end of connections to a port of this machine, of any
 * process: test files share one, so its descriptors are not this test's. Linux only.
 */
export function openSockets(port: number): number {
  return socketsOf(port).filter(({ isOpen }) => isOpen).length;
}

/** Whether somebody listens on the port; nobody is connected to find out. Linux only. */
export function isListenedOn(port: number): boolean {
  return socketsOf(port).some(({ state }) => state === LISTENS);
}

/** Whether somebody has called the port, and got no answer yet. Linux only. */
export function isUnanswered(port: number): boolean {
  return socketsOf(port).some(({ state }) => state === CONNECTS);
}
