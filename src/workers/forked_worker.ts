/**
 * How a fork becomes a worker, which talks to the supervisor itself, like a process that was
 * started.
 * @module
 */
import type { SharedSockets } from "../posix/client_queues.ts";
import type { Forker } from "../posix/fork.ts";
import type { Libc } from "../posix/libc.ts";
import { dieWithPeer } from "../posix/lifeline.ts";
import type { Runtime } from "../runtime.ts";
import type { WorkerListener } from "./channel.ts";
import type { OwnRandom } from "./own_random.ts";
import {
  blockingListener,
  type ControlChannel,
  controlChannel,
  type ControlOptions,
} from "./process_worker.ts";

/** What a fork has of its template. */
export interface TemplateParts {
  readonly runtime: Runtime;
  readonly libc: Libc;
  readonly random: Pick<OwnRandom, "renew">;
  readonly forker: Pick<Forker, "renew" | "pid" | "exit">;
  /** What it listens on. */
  readonly sockets: SharedSockets;
}

/** What it is given. */
export interface ForkOrder {
  readonly number: number;
  /** Its end of its control socket. */
  readonly control: number;
  /** The descriptor that this becomes. */
  readonly at: number;
  /** A socket whose peer's end is its end. */
  readonly lifeline: number;
}

/** What it needs to be a worker. */
export interface Forked {
  readonly number: number;
  readonly channel: ControlChannel;
}

/**
 * Makes this process a worker of its own.
 * @param rehearses whether this is the template, which only does what its forks will do, and does
 * not end: code that a fork were the first to run it would have to compile, in memory of its own
 */
export function becomeWorker(
  { runtime, libc, random, forker, sockets }: TemplateParts,
  { number, control, at, lifeline }: ForkOrder,
  rehearses = false,
): Forked {
  forker.renew(rehearses);
  const { pid } = forker;
  const end = (code: number): never => forker.exit(code);
  if (!dieWithPeer(libc, lifeline, pid)) end(1);
  libc.moveTo(control, at);
  runtime.becomeFork(pid, rehearses ? null : end);
  random.renew();
  const exit = rehearses ? (() => {}) as () => never : end;
  const channel = forkedChannel(runtime, libc, sockets, { pid, control: at, exit });
  channel.send({ type: "forked", number, pid });
  return { number, channel };
}

/** A fork's way to its supervisor, and to its clients. */
function forkedChannel(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  own: Pick<ControlOptions, "pid" | "control" | "exit">,
): ControlChannel {
  let onGiveUp = () => {};
  const channel = controlChannel(libc, {
    ...own,
    each: "one",
    listen(blocking, shallLeave, activity): WorkerListener {
      const listener = blockingListener(runtime, libc, sockets, blocking, shallLeave, activity);
      let turn: ReturnType<typeof setImmediate> | undefined;
      return {
        async accept() {
          const connection = await listener.accept();
          // The loop has its turn before the handler has ended: it waits for something else.
          if (connection) turn = setImmediate(() => onGiveUp());
          return connection;
        },
        left: () => clearImmediate(turn),
        close: () => listener.close(),
      };
    },
  });
  return {
    ...channel,
    onGiveUp: (listener) => void (onGiveUp = listener),
    end() {
      // The template, which could tell, may be gone.
      channel.send({ type: "ended", pid: own.pid, reason: "exit" });
      channel.end();
    },
  };
}
