/**
 * Listening sockets with which this process was started, as sd_listen_fds(3) has them: systemd
 * and others pass them on.
 * @module
 */
import { SystemError } from "../connection/errors.ts";
import { Libc } from "../posix/libc.ts";
import { notListening } from "../posix/listening_socket.ts";
import type { Runtime } from "../runtime.ts";
import type { ListenAt } from "./bind.ts";

/** The first one's descriptor; the others follow, in the order of the unit's lines. */
export const FIRST_PASSED_ON = 3;

/** What was passed on to this process: the name of each. */
interface Inheritance {
  readonly names: readonly string[];
  /** What is told once, where something was passed on to another process. */
  readonly warning: string | null;
}

let own: Inheritance | null = null;

/**
 * What was passed on to this process. The first call takes the variables away, so that
 * no process which this one starts takes them for its own.
 */
export function inheritance(runtime: Runtime): Inheritance {
  return own ??= read(runtime);
}

function read(runtime: Runtime): Inheritance {
  const [count, pid, names] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]
    .map((name) => runtime.takeEnv(name));
  const none = { names: [], warning: null };
  if (count === undefined) return none;
  if (!/^\d{1,4}$/.test(count)) {
    return { ...none, warning: `no sockets are taken: LISTEN_FDS is no number: "${count}"` };
  }
  if (!pid) {
    return { ...none, warning: "no sockets are taken: LISTEN_PID says no process" };
  }
  if (Number(pid) !== runtime.pid) {
    const warning = `sockets were passed on to the process ${pid}, and this is ${runtime.pid}: ` +
      "a shell or npx between them loses them; start the runtime itself, with exec";
    return { ...none, warning };
  }
  const given = names === undefined ? [] : names.split(":");
  return {
    names: Array.from({ length: Number(count) }, (_, i) => given[i] ?? "unknown"),
    warning: null,
  };
}

/**
 * The sockets of that name, or with that descriptor, or all of them for `*`.
 * @throws {SystemError} with one line, where there is none, or something else
 */
export function inheritedSockets(runtime: Runtime, which: string): Omit<ListenAt, "number">[] {
  const { names } = inheritance(runtime);
  const isNumber = /^\d+$/.test(which);
  const descriptors = isNumber && !names.includes(which)
    ? [Number(which)]
    : names.flatMap((name, i) => which === "*" || name === which ? [FIRST_PASSED_ON + i] : []);
  if (descriptors.length === 0) {
    const there = names.length > 0 ? `there are ${names.join(", ")}` : "there is none";
    throw new SystemError(
      "ENOENT",
      `Cannot listen on fd:${which}: no such socket was passed on; ${there}`,
    );
  }
  const refusal = runtime.libraryRefusal();
  if (refusal !== null) {
    throw new SystemError("EACCES", `Cannot listen on fd:${which}: ${refusal}`);
  }
  const libc = new Libc(runtime);
  try {
    return descriptors.map((descriptor) => {
      const wrong = notListening(libc, descriptor);
      if (wrong !== null) {
        throw new SystemError(
          "EINVAL",
          `Cannot listen on fd:${which}: descriptor ${descriptor} is ${wrong}`,
        );
      }
      libc.closeOnExec(descriptor);
      return { address: libc.localAddress(descriptor), descriptor };
    });
  } finally {
    libc.unload();
  }
}
